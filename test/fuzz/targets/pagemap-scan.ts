/** The arguments of PAGEMAP_SCAN, any of them: what the kernel would say of them is answered, with no more regions than asked for. */
import assert from 'node:assert/strict';
import { nodeHost } from '../../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../../debug-adapter/session/session.ts';
import { absent, expandedDump } from '../../support/dumps.ts';
import { fc } from '../../support/properties.ts';
import { generated } from '../mutate-text.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

/** Most of a scan's regions that are asked for: real calls have room for a few thousand. */
const most = 100_000n;

const word = fc.oneof(
  fc.bigInt(0n, (1n << 64n) - 1n),
  fc.constantFrom(0n, 1n, 2n, 96n, 0xfffn, 0x1000n, 0x7fff_ffff_f000n, 0x8000_0000_0000n, (1n << 64n) - 1n, (1n << 64n) - 4096n),
);
const hex = word.map((value) => `0x${value.toString(16)}`);
const mask = fc.oneof(fc.integer({ min: 0, max: 1023 }).map(String), hex);
const address = fc.oneof(
  fc.bigInt(0n, 1n << 35n).map((page) => `0x${(page << 12n).toString(16)}`),
  hex,
);
const field = <Value>(of: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(of, { nil: undefined });
const anyText = fc.oneof(fc.string(), fc.constantFrom('', '0x', '-1', '1.5', '18446744073709551616'));

const request = fc.record({
  start: field(address),
  end: field(address),
  categoryMask: field(mask),
  categoryInverted: field(mask),
  categoryAnyofMask: field(mask),
  returnMask: field(mask),
  flags: field(fc.oneof({ weight: 4, arbitrary: fc.constantFrom('0', '1', '2', '3', '4') }, hex)),
  maxPages: field(fc.oneof(fc.integer({ min: 0, max: 600 }).map(String), hex)),
  vecLen: field(fc.oneof(fc.integer({ min: 0, max: 600 }).map(String), fc.constantFrom(String(most)), anyText)),
  vec: field(fc.boolean()),
  size: field(fc.oneof({ weight: 6, arbitrary: fc.constant('96') }, hex)),
});

export const pagemapScanTargets: readonly FuzzTarget[] = [
  {
    name: 'PAGEMAP_SCAN arguments',
    rounds: 150,
    regressions: [],
    absent: absent('x86-64'),
    prepare: () => {
      const session = openSession(nodeHost(), { paths: [expandedDump('x86-64', 'vmcore.elf')] });
      const pids = session.tasks().flatMap(({ pid, mm }) => (mm === null ? [] : [pid]));
      return {
        caseOf: (seed): FuzzCase => {
          const asked = { ...generated(request, seed), pid: [...pids, 0, 1, 99_999][seed % (pids.length + 3)] ?? 1 };
          return {
            input: `${JSON.stringify(asked)}\n`,
            run: () => {
              const answer = session.pagemapScan(asked);
              assert.ok(answer.return >= -1);
              if (asked.vecLen !== undefined && /^\d+$/.test(asked.vecLen))
                assert.ok(answer.return <= Number(asked.vecLen), `${answer.return} regions`);
            },
          };
        },
        close: () => {
          session.close();
        },
      };
    },
  },
];
