/** How the log ends, for an overview: the panic with who died and where, what cannot be read, and the line that the command line prints. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { infoText } from '../../debug-adapter/command-line/text.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { logEndFacts } from '../../debug-adapter/session/log-facts.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';
import { bundled } from '../support/dumps.ts';

const base = 0xffff_ffff_8000_0000n;
const bufferAt = base + 0x1000n;
const bufferBytes = 1024n;

/** A log as kernels before 3.5 keep it: text that turns round. */
function kernelThatSaid(lines: readonly string[]): PlainKernel {
  const text = lines.map((line, index) => `<0>[    ${index}.500000] ${line}\n`).join('');
  const kernel = new PlainKernel({ architecture: 'x86-64', base }).room(base, 0x4000).text(bufferAt, text);
  const words = { log_buf: bufferAt, log_buf_len: bufferBytes, log_end: BigInt(text.length) };
  Object.entries(words).forEach(([name, value], index) => {
    kernel.symbol(name, base + BigInt(0x100 + 8 * index)).write(base + BigInt(0x100 + 8 * index), value);
  });
  return kernel;
}

const lines = [
  'all well',
  'BUG: unable to handle kernel NULL pointer dereference at 0000000000000008',
  'CPU: 3 PID: 812 Comm: sh Not tainted 3.4.0',
  'RIP: 0010:[<ffffffff8143c6d6>]  [<ffffffff8143c6d6>] sysrq_handle_crash+0x16/0x20',
  'Kernel panic - not syncing: Fatal exception',
];

describe('how the log ends', () => {
  test('with a panic: its reason, and of the oops that led to it the task and the function', () => {
    const { records, last, death, problem } = logEndFacts(kernelThatSaid(lines).open());
    assert.deepEqual([records, last, problem], [5, 4.5, null]);
    assert.deepEqual(death, {
      kind: 'panic',
      reason: 'Kernel panic - not syncing: Fatal exception',
      cpu: 3,
      pid: 812,
      comm: 'sh',
      place: 'sysrq_handle_crash+0x16/0x20',
      report: lines.slice(1),
    });
    const session = openSession(nodeHost(), { paths: [bundled.image] });
    const info = session.info();
    session.close();
    assert.doesNotMatch(infoText(info), /^died:/m);
    assert.match(
      infoText({ ...info, log: { ...info.log, death } }),
      /^died: +Kernel panic - not syncing: Fatal exception, in sysrq_handle_crash\+0x16\/0x20, task 812 \(sh\), CPU 3$/m,
    );
  });

  test('with nothing that died', () => {
    assert.deepEqual(logEndFacts(kernelThatSaid(['all well']).open()), { records: 1, last: 0.5, death: null, problem: null });
  });

  test('unknown, where there is no log', () => {
    const { records, death, problem } = logEndFacts(new PlainKernel({ architecture: 'x86-64', base }).room(base, 0x4000).open());
    assert.deepEqual([records, death], [0, null]);
    assert.match(problem ?? '', /reading the kernel log/);
  });
});
