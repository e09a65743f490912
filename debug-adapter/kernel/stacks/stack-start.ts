/** Where a stack's innermost frame is: a CPU's registers in the dump's notes, or what switch_to saved of a sleeping task. */
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { CpuState } from '../../image/image.ts';
import type { Kernel } from '../kernel.ts';
import { onlineCpus, perCpuAddress, perCpuOffset, possibleCpus } from '../per-cpu.ts';
import type { StructShape } from '../structs.ts';
import type { UnwindState } from './unwind.ts';
import { stripPointerCode } from './unwind-arm64.ts';
import { x86Names } from './unwind-x86-registers.ts';

/** A CPU and what it was doing. */
export interface CpuPlace {
  readonly cpu: number;
  /** Its registers in the dump's notes; undefined where the notes have none of it. */
  readonly state: CpuState | undefined;
  /** Address of the task_struct that it ran, and of its idle task; undefined where the run queue cannot be read. */
  readonly current: Address | undefined;
  readonly idle: Address | undefined;
}

/** Every CPU that ran when the dump was taken, ascending. */
export function cpuPlaces(kernel: Kernel): readonly CpuPlace[] {
  return kernel.once(findPlaces);
}

function findPlaces(kernel: Kernel): CpuPlace[] {
  const states = new Map(numbersOfNotes(kernel).map((cpu, index) => [cpu, kernel.image.cpus[index]]));
  const cpus = [...new Set([...onlineCpus(kernel), ...states.keys()])].sort((a, b) => a - b);
  return cpus.map((cpu) => ({ cpu, state: states.get(cpu), ...runQueue(kernel, cpu) }));
}

/** The CPU of each note: by the per-CPU base in its gs, or by the order of the CPUs that were online. */
function numbersOfNotes(kernel: Kernel): number[] {
  const { cpus: notes } = kernel.image;
  const online = onlineCpus(kernel);
  const possible = possibleCpus(kernel);
  const order = notes.length === online.length ? online : notes.length === possible.length ? possible : undefined;
  const bases = kernel.machine.architecture === 'x86-64' ? perCpuBases(kernel, possible) : undefined;
  const taken = new Set<number>();
  return notes.map(({ index, registers, control }) => {
    const byBase = [...registers, ...control]
      .filter(({ name }) => name === 'gs_base' || name === 'kernel_gs_base')
      .map(({ value }) => bases?.get(value))
      .find((cpu) => cpu !== undefined && !taken.has(cpu));
    const cpu = byBase ?? order?.[index] ?? index;
    taken.add(cpu);
    return cpu;
  });
}

function perCpuBases(kernel: Kernel, cpus: readonly number[]): ReadonlyMap<bigint, number> {
  const bases = new Map<bigint, number>();
  for (const cpu of cpus) {
    try {
      bases.set(perCpuOffset(kernel, cpu), cpu);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
    }
  }
  return bases;
}

/** rq->curr and rq->idle (kernel/sched/sched.h). */
function runQueue(kernel: Kernel, cpu: number): { readonly current: Address | undefined; readonly idle: Address | undefined } {
  const none = { current: undefined, idle: undefined };
  const queues = kernel.addressOf('runqueues');
  const shape = kernel.types === undefined ? undefined : kernel.structs('the running tasks').find('rq');
  if (queues === undefined || shape === undefined || !possibleCpus(kernel).includes(cpu)) return none;
  try {
    const queue = perCpuAddress(kernel, queues, cpu);
    const pointer = (name: string): Address | undefined => {
      const value = shape.has(name) ? shape.pointer(queue, name) : toAddress(0);
      return value === 0n ? undefined : value;
    };
    return { current: pointer('curr'), idle: pointer('idle') };
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`the run queue of CPU ${cpu} cannot be read: ${error.reason}`);
    return none;
  }
}

/** Names of the program counter and the stack pointer in the notes. */
const counters = ['rip', 'eip', 'pc', 'nip', 'psw_addr'];
const pointers: Readonly<Record<string, string>> = { nip: 'r1', psw_addr: 'r15', rip: 'rsp', eip: 'esp', pc: 'sp' };

/** The frame that a CPU was in; undefined where its note has no registers. */
export function startOfCpu(kernel: Kernel, cpu: CpuState): UnwindState | undefined {
  const registers = new Map(cpu.registers.map(({ name, value }) => [name, value]));
  for (const { name, value } of cpu.control) if (!registers.has(name)) registers.set(name, value);
  const counter = counters.find((name) => registers.has(name));
  const sp = registers.get(pointers[counter ?? ''] ?? '');
  const pc = counter === undefined ? undefined : registers.get(counter);
  if (pc === undefined || sp === undefined) return undefined;
  return { pc: toAddress(pc), sp: toAddress(sp), registers, exact: true, certain: true, user: isUser(kernel, registers) };
}

/** Whether the CPU was in user mode, by the architecture's own bit. */
function isUser(kernel: Kernel, registers: ReadonlyMap<string, bigint>): boolean {
  const bits = (name: string, mask: bigint): bigint | undefined => {
    const value = registers.get(name);
    return value === undefined ? undefined : value & mask;
  };
  switch (kernel.machine.architecture) {
    case 'x86-64':
    case 'x86-32':
      return bits('cs', 3n) === 3n;
    case 'arm64':
      return bits('pstate', 0xfn) === 0n;
    case 'arm':
      return bits('cpsr', 0x1fn) === 0x10n;
    case 's390x':
      return bits('psw_mask', 1n << 48n) === 1n << 48n;
    case 'ppc64':
    case 'ppc64le':
      return bits('msr', 1n << 14n) === 1n << 14n;
    case 'riscv64':
      // The note has no status: kernel addresses are the upper half.
      return (registers.get('pc') ?? 0n) < 1n << 63n;
    default:
      return false;
  }
}

/**
 * The frame in which a task that does not run went to sleep, from its thread_struct. Undefined on architectures whose
 * switch_to is not known. Throws `MemoryFault`, and `UserError` where a type or member is missing.
 */
export function startOfTask(kernel: Kernel, task: Address): UnwindState | undefined {
  const structs = kernel.structs('the stack of a task');
  const shape = structs.get('task_struct');
  switch (kernel.machine.architecture) {
    case 'x86-64':
    case 'x86-32':
      return sleepingX86(kernel, shape, task);
    case 'arm64':
      return sleepingArm64(kernel, shape, task);
    case 'riscv64':
      return sleepingRiscv(shape, task);
    case 's390x': {
      const sp = shape.pointer(task, 'thread.ksp');
      const frame = structs.get('stack_frame');
      // gprs are r6 to r15 as the callee found them: the ninth is the return address.
      const pc = frame.pointer(sp, 'gprs[8]');
      return sleepingAt(pc, sp, ['psw_addr', 'r15']);
    }
    case 'ppc64':
    case 'ppc64le': {
      // The frame that _switch made holds pt_regs; its caller's return address stands in the frame above it.
      const sp = kernel.memory.pointer(shape.pointer(task, 'thread.ksp'));
      const pc = kernel.memory.pointer(addToAddress(sp, 16));
      return sleepingAt(pc, sp, ['nip', 'r1']);
    }
    case 'loongarch64': {
      const pc = shape.pointer(task, 'thread.reg01');
      const sp = shape.pointer(task, 'thread.reg03');
      return sleepingAt(pc, sp, ['pc', 'sp']);
    }
    case 'mips64':
    case 'mips32': {
      const pc = shape.pointer(task, 'thread.reg31');
      const sp = shape.pointer(task, 'thread.reg29');
      return sleepingAt(pc, sp, ['pc', 'sp']);
    }
    default:
      return undefined;
  }
}

/** As `sleeping`, where only the program counter and the stack pointer are known: their registers by name. */
function sleepingAt(pc: Address, sp: Address, [counter, stack]: readonly [string, string]): UnwindState {
  return sleeping({
    pc,
    sp,
    registers: new Map([
      [counter, pc],
      [stack, sp],
    ]),
  });
}

function sleeping(found: Pick<UnwindState, 'pc' | 'sp' | 'registers'>): UnwindState {
  return { ...found, exact: false, certain: true, user: false };
}

/** struct inactive_task_frame on top of the stack (arch/x86/include/asm/switch_to.h); before 4.9 none, and only sp is known. */
function sleepingX86(kernel: Kernel, shape: StructShape, task: Address): UnwindState {
  const names = x86Names(kernel);
  const at = shape.pointer(task, 'thread.sp');
  const frame = kernel.structs('the stack of a task').get('inactive_task_frame');
  const sp = addToAddress(at, frame.size);
  const pc = frame.pointer(at, 'ret_addr');
  const registers = new Map<string, bigint>([
    [names.pc, pc],
    [names.sp, sp],
    [names.bp, frame.unsigned(at, 'bp')],
  ]);
  const prefix = names.pc.startsWith('r') ? 'r' : 'e';
  for (const name of ['bx', 'si', 'di', 'r12', 'r13', 'r14', 'r15']) {
    if (frame.has(name)) registers.set(name.startsWith('r') ? name : `${prefix}${name}`, frame.unsigned(at, name));
  }
  // A task that never ran begins at the first instruction of ret_from_fork.
  const exact = ['ret_from_fork_asm', 'ret_from_fork'].some((name) => kernel.addressOf(name) === pc);
  return { ...sleeping({ pc, sp, registers }), exact };
}

/** struct cpu_context (arch/arm64/include/asm/processor.h). */
function sleepingArm64(kernel: Kernel, shape: StructShape, task: Address): UnwindState {
  const value = (name: string): bigint => shape.unsigned(task, `thread.cpu_context.${name}`);
  const pc = stripPointerCode(kernel, toAddress(value('pc')));
  const sp = toAddress(value('sp'));
  const registers = new Map<string, bigint>([
    ['pc', pc],
    ['sp', sp],
    ['x29', value('fp')],
  ]);
  for (let number = 19; number <= 28; number++) registers.set(`x${number}`, value(`x${number}`));
  const exact = kernel.addressOf('ret_from_fork') === pc;
  return { ...sleeping({ pc, sp, registers }), exact };
}

/** thread.ra, sp and s0 to s11 (arch/riscv/include/asm/processor.h). */
function sleepingRiscv(shape: StructShape, task: Address): UnwindState {
  const pc = shape.pointer(task, 'thread.ra');
  const sp = shape.pointer(task, 'thread.sp');
  const registers = new Map<string, bigint>([
    ['pc', pc],
    ['sp', sp],
  ]);
  for (let number = 0; number < 12; number++) registers.set(`s${number}`, shape.unsigned(task, `thread.s[${number}]`));
  return sleeping({ pc, sp, registers });
}
