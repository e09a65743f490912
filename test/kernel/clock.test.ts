/** The clock of kernels before and since their timekeeper lies in a named struct, of a machine that never knew the time, and without types. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clock } from '../../debug-adapter/kernel/clock.ts';
import { PlainKernel } from '../builders/plain-kernel.ts';

const base = 0xffff_ffff_8000_0000n;
const at = base + 0x1000n;
const second = 1_000_000_000n;

function kernelWith(wall: bigint, toMonotonic: bigint, suspended = 0n): PlainKernel {
  const kernel = new PlainKernel({ architecture: 'x86-64', base }).room(base, 0x4000);
  kernel.struct('timespec64', 16, { tv_sec: [0, 8], tv_nsec: [8, 8] });
  kernel.struct('timekeeper', 280, { xtime_sec: [112, 8], wall_to_monotonic: [128, 'timespec64'], offs_boot: [152, 8] });
  return kernel
    .write(at + 112n, wall)
    .write(at + 128n, toMonotonic)
    .write(at + 152n, suspended);
}

describe('the clock when the machine stopped', () => {
  test('before 6.13: the copy that the kernel keeps of its timekeeper', () => {
    const kernel = kernelWith(1_795_218_799n, -1_795_218_774n, 100n * second)
      .symbol('shadow_timekeeper', at)
      .symbol('tk_core', at + 8n);
    assert.deepEqual(clock(kernel.open()), { stopped: 1_795_218_799, uptime: 125, source: "the kernel's variable shadow_timekeeper" });
  });

  for (const name of ['tk_core', 'timekeeper_data'])
    test(`since 6.13 and later: in ${name}`, () => {
      const kernel = kernelWith(1_795_218_799n, -1_795_218_774n).symbol(name, at - 0x40n);
      kernel.struct('tk_data', 0x300, { seq: [0, 4], timekeeper: [0x40, 'timekeeper'] });
      assert.deepEqual(clock(kernel.open()), { stopped: 1_795_218_799, uptime: 25, source: `the kernel's variable ${name}` });
    });

  test('a machine that begins in 1970 knows how long it ran and not when', () => {
    const { stopped, uptime } = clock(kernelWith(12n, 0n).symbol('shadow_timekeeper', at).open());
    assert.deepEqual([stopped, uptime], [null, 12]);
  });

  test('what is missing is said', () => {
    assert.throws(() => clock(kernelWith(1n, 0n).open()), /shadow_timekeeper/);
    const untyped = new PlainKernel({ architecture: 'x86-64', base, withoutTypes: true })
      .room(base, 0x4000)
      .symbol('shadow_timekeeper', at);
    assert.throws(() => clock(untyped.open()), /reading the clock needs type information/);
  });
});
