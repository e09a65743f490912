/** The machine's clock when it stopped (kernel/time/timekeeping.c). */
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { ClockFacts } from '../protocol/machine-state.ts';
import type { Kernel } from './kernel.ts';
import type { StructShape } from './structs.ts';

const purpose = 'reading the clock';
const second = 1_000_000_000n;

/** As of the last tick that the kernel counted. Throws `UserError` where its timekeeper cannot be found or read. */
export function clock(kernel: Kernel): ClockFacts {
  const { at, shape, name } = timekeeper(kernel);
  const wall = shape.unsigned(at, 'xtime_sec');
  const toMonotonic = signed(shape, at, 'wall_to_monotonic.tv_sec');
  const suspended = shape.has('offs_boot') ? signed(shape, at, 'offs_boot') / second : 0n;
  const uptime = wall + toMonotonic + suspended;
  return {
    // A machine without a clock of its own begins in 1970.
    stopped: wall <= uptime ? null : Number(wall),
    uptime: uptime < 0n ? null : Number(uptime),
    source: `the kernel's variable ${name}`,
  };
}

function signed(shape: StructShape, at: Address, member: string): bigint {
  return BigInt.asIntN(shape.memberSize(member) * 8, shape.unsigned(at, member));
}

/**
 * The core timekeeper: since 6.13 a member of a named struct, before that of one without a name, beside which the kernel keeps a
 * copy of it of its own.
 */
function timekeeper(kernel: Kernel): { at: Address; shape: StructShape; name: string } {
  const structs = kernel.structs(purpose);
  const shape = structs.get('timekeeper');
  const data = structs.find('tk_data');
  for (const name of ['timekeeper_data', 'tk_core']) {
    const at = data?.has('timekeeper') === true ? kernel.addressOf(name) : undefined;
    if (data !== undefined && at !== undefined) return { at: data.address(at, 'timekeeper'), shape, name };
  }
  for (const name of ['shadow_timekeeper', 'timekeeper']) {
    const at = kernel.addressOf(name);
    if (at !== undefined) return { at, shape, name };
  }
  throw errors.neededSymbol('shadow_timekeeper', purpose);
}
