/**
 * What a dump file is to the rest of the engine: physical memory, and what its headers and notes say. A format's file
 * gives these; nothing above this floor knows a format.
 */
import type { PhysicalMemory } from '../memory/physical-memory.ts';

/** Architectures by the names that users see in `info`. */
export type ArchitectureName =
  | 'x86-64'
  | 'x86-32'
  | 'arm64'
  | 'arm'
  | 'riscv64'
  | 'riscv32'
  | 's390x'
  | 'ppc64'
  | 'ppc64le'
  | 'ppc32'
  | 'mips64'
  | 'mips32'
  | 'sparc64'
  | 'loongarch64'
  | 'arc';

/** What the headers say of the machine. QEMU writes big-endian headers for a little-endian ppc64 guest: a hint, no more. */
export interface MachineHint {
  readonly architecture: ArchitectureName;
  readonly littleEndian: boolean;
  readonly pointerSize: 4 | 8;
}

/** One CPU's state at the moment of the dump, as far as its notes tell. */
export interface CpuState {
  /** Position among the CPU notes, from 0. (kdump writes the notes of possible CPUs in order; offline ones may be missing.) */
  readonly index: number;
  /** Task id in the NT_PRSTATUS note; 0 for an idle CPU or when unknown. */
  readonly pid: number;
  /** General registers under the architecture's own names (rip, rsp, pc, x0, satp…), in the note's order. */
  readonly registers: readonly Register[];
  /** Control registers from QEMU's or the hypervisor's notes (cr0, cr3, cr4, ttbr1_el1, tcr_el1, satp, idt base…); may be empty. */
  readonly control: readonly Register[];
}

/** A register of a CPU as the dump has it, by the name that its architecture's debuggers use. */
export interface Register {
  readonly name: string;
  readonly value: bigint;
}

/** A PT_LOAD's or kcore segment's virtual address, as evidence for the layout. `physical` is undefined for p_paddr = -1. */
export interface VirtualSegment {
  readonly virtual: bigint;
  readonly physical: bigint | undefined;
  readonly size: bigint;
}

/** Memory that a file has by virtual address, whether or not its physical one is told (/proc/kcore). */
export interface VirtualMemory {
  /** Number of the frame of the image's memory that holds a virtual page (address / 4096), or -1. No machine has such frames. */
  frameOf(virtualPage: number): number;
}

/** An opened dump: physical memory and what the file says of the machine. Whoever opened it closes it. */
export interface Image {
  /** Path(s) as given. */
  readonly name: string;
  /** For `info`: `ELF vmcore`, `kdump-compressed`, `flattened kdump-compressed`, `split kdump-compressed (3 files)`, `/proc/kcore`, `LiME`… */
  readonly format: string;
  /** Codecs that the file's pages use, found so far: `zlib`, `lzo`, `snappy`, `zstd`; empty for a plain file. */
  readonly compression: readonly string[];
  /** Undefined for raw memory, which says nothing of its machine. */
  readonly machine: MachineHint | undefined;
  readonly memory: PhysicalMemory;
  /** Text of the VMCOREINFO note and where it stood; undefined when neither header nor note has one. */
  readonly vmcoreinfo: { readonly text: string; readonly source: string } | undefined;
  readonly cpus: readonly CpuState[];
  readonly virtualSegments: readonly VirtualSegment[];
  /** For reading where page tables cannot be followed. The kernel that wrote it gives zeros where nothing is mapped. */
  readonly virtualMemory?: VirtualMemory | undefined;
  /** What the header itself says, for `info` and cross-checks (utsname, phys_base, dump level…): shown as it is. */
  readonly headerFacts: readonly { readonly name: string; readonly value: string }[];
  /** makedumpfile's dump level when the file tells it (0-31). */
  readonly dumpLevel: number | undefined;
  /** What is wrong or missing in the file, one sentence each: truncated, incomplete, a missing member… */
  readonly warnings: readonly string[];
  /** kdump's eraseinfo text, when there is one. */
  readonly eraseInfo: string | undefined;
  /** Closes the files behind it; memory must not be read after. */
  close(): void;
}
