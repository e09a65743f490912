/** CPUs, kernel stacks and the kernel log, in the shapes of `--json`. Types only; see facts.ts. */
import type { Hex } from './facts.ts';

/** A CPU that ran when the dump was taken. */
export interface CpuFacts {
  readonly cpu: number;
  /** The task that it ran; null where its run queue cannot be read. */
  readonly pid: number | null;
  readonly comm: string | null;
  /** Whether the dump has its registers. */
  readonly registers: boolean;
}

/** One frame of a kernel stack. */
export interface FrameFacts {
  readonly pc: Hex;
  readonly sp: Hex;
  /** Function; null outside known code, and in user mode. */
  readonly symbol: string | null;
  /** Bytes of `pc` from the function's start; 0 without one. */
  readonly offset: number;
  /** Bytes of the function; 0 when unknown. */
  readonly size: number;
  readonly module: string | null;
  /** False where the frame was guessed: it may be what an earlier call left on the stack. */
  readonly certain: boolean;
  /** `pc` is the next instruction (registers of a CPU, an interrupted frame), not where a call returns to. */
  readonly interrupted: boolean;
  readonly user: boolean;
  /** `task`, or the CPU's stack: `IRQ`, `NMI`, `#DF`, `ENTRY_TRAMPOLINE`…; null where it is not known. */
  readonly stack: string | null;
  /** Registers whose values at this frame are known, by the names of the dump's notes. */
  readonly registers: Readonly<Record<string, Hex>>;
}

/** A task's kernel stack, or that of the CPU where no task is known. */
export interface StackFacts {
  readonly pid: number;
  readonly comm: string;
  /** Address of the task_struct; null where the run queue of the CPU cannot be read. */
  readonly task: Hex | null;
  /** CPU on which the task ran or last ran; null where the kernel does not record it. */
  readonly cpu: number | null;
  /** Whether it ran when the dump was taken. */
  readonly running: boolean;
  /** Innermost first. */
  readonly frames: readonly FrameFacts[];
  /** Why the stack is not shown to its end; null when it is. */
  readonly problem: string | null;
}

/** A record of the kernel log. */
export interface LogRecordFacts {
  /** Number since boot; null before 5.10. */
  readonly sequence: number | null;
  /** Seconds since boot, to the microsecond that the kernel prints. */
  readonly time: number;
  /** 0 (emergency) to 7 (debug). */
  readonly level: number;
  readonly facility: number;
  /** `T` and the PID of the task that wrote it, or `C` and the CPU; null before 5.1. */
  readonly caller: string | null;
  /** May have several lines; null where it is lost. */
  readonly text: string | null;
}

/** The answer of `log`. */
export interface LogFacts {
  /** Oldest first. */
  readonly records: readonly LogRecordFacts[];
  /** The panic of the log, or else its last oops; null where it has neither. */
  readonly death: DeathFacts | null;
  /** What could not be read. */
  readonly problems: readonly string[];
}

/** Why a kernel died, by its own log. */
export interface DeathFacts {
  readonly kind: 'panic' | 'oops';
  /** The kernel's line. */
  readonly reason: string;
  readonly cpu: number | null;
  readonly pid: number | null;
  /** Name of the task, and the function in which it was (`sysrq_handle_crash+0x16/0x20`); null where the report does not tell. */
  readonly comm: string | null;
  readonly place: string | null;
  /** The lines of its report, from the reason on. */
  readonly report: readonly string[];
}
