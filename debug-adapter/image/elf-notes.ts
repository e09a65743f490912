/** ELF notes of dumps: CPU registers, QEMU's control registers, VMCOREINFO (elf(5); QEMU target/i386/arch_dump.c). */
import { ByteReader } from '../base/byte-reader.ts';
import { UserError } from '../base/errors.ts';
import { decodePadded } from '../base/text.ts';
import type { ArchitectureName, CpuState, MachineHint, Register } from './image.ts';

/** What the notes of a dump tell, gathered note by note. */
export interface DumpNotes {
  readonly cpus: CpuState[];
  vmcoreinfo: string | undefined;
  /** What makedumpfile erased, as it notes it. */
  eraseInfo?: string;
  /** Whether there is a note that only /proc/kcore has: the task that opened it (fs/proc/kcore.c). */
  readerTask?: boolean;
  /** QEMU's notes so far, over all segments; they come in the order of the CPUs. */
  qemuStates?: number;
  readonly warnings: string[];
}

const prstatusType = 1;
const taskStructType = 4;

/** Notes of one register set each (include/uapi/linux/elf.h: NT_S390_*): names, and bytes of each register. */
const s390Notes: Readonly<Record<number, { readonly names: readonly string[]; readonly size: 4 | 8 }>> = {
  0x301: { names: ['timer'], size: 8 },
  0x302: { names: ['todcmp'], size: 8 },
  0x303: { names: ['todpreg'], size: 4 },
  0x304: { names: numbered('cr', 16), size: 8 },
  0x305: { names: ['prefix'], size: 4 },
  0x306: { names: ['last_break'], size: 8 },
};

const powerpcNames = [...numbered('r', 32), ...words('nip msr orig_r3 ctr lr xer ccr')];
/** Names of all registers that elf_gregset_t of mips has behind its r0 to r31 (arch/mips/include/uapi/asm/reg.h). */
const mipsNames = [...numbered('r', 32), ...words('lo hi epc badvaddr status cause')];

/** Register names in the order of the kernel's user_regs_struct, and where pr_reg begins in NT_PRSTATUS. */
const registerSets: Partial<Record<ArchitectureName, { offset: number; names: readonly string[] }>> = {
  'x86-64': {
    offset: 112,
    names: words('r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs rflags rsp ss fs_base gs_base ds es fs gs'),
  },
  'x86-32': { offset: 72, names: words('ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss') },
  arm64: { offset: 112, names: [...numbered('x', 31), 'sp', 'pc', 'pstate'] },
  arm: { offset: 72, names: [...numbered('r', 13), 'sp', 'lr', 'pc', 'cpsr', 'orig_r0'] },
  riscv64: {
    offset: 112,
    names: words('pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6'),
  },
  s390x: { offset: 112, names: ['psw_mask', 'psw_addr', ...numbered('r', 16)] },
  ppc64: { offset: 112, names: powerpcNames },
  ppc64le: { offset: 112, names: powerpcNames },
  ppc32: { offset: 72, names: powerpcNames },
  mips64: { offset: 112, names: mipsNames },
  loongarch64: { offset: 112, names: [...numbered('r', 32), ...words('orig_a0 era badv')] },
};

/** QEMU's CPU state note for x86: general registers, segments (24 bytes each), then cr0 to cr4. */
const qemuNote = {
  general: words('rax rbx rcx rdx rsi rdi rsp rbp r8 r9 r10 r11 r12 r13 r14 r15 rip rflags'),
  segments: words('cs ds es fs gs ss ldt tr gdt idt'),
  control: words('cr0 cr1 cr2 cr3 cr4'),
} as const;

function words(text: string): string[] {
  return text.split(' ');
}

function numbered(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${index}`);
}

/**
 * Parses a note segment into `notes`. A note that ends too early for what it should hold is left out with a warning; one
 * that reaches beyond the segment ends it.
 */
export function parseNotes(bytes: Uint8Array, place: { file: string; machine: MachineHint }, notes: DumpNotes): void {
  const reader = new ByteReader(bytes, { file: place.file, part: 'notes', littleEndian: place.machine.littleEndian });
  const found: FoundNotes = { ...place, notes };
  told(notes, () => {
    while (reader.remaining >= 12) {
      const nameSize = reader.u32();
      // The kernel's buffer of a CPU ends with a note of zeros, behind which another CPU's may follow.
      if (nameSize === 0) continue;
      const descriptionSize = reader.u32();
      const type = reader.u32();
      const name = decodePadded(reader.borrow(nameSize));
      reader.position = align4(reader.position, bytes.length);
      const description = reader.borrow(descriptionSize);
      reader.position = align4(reader.position, bytes.length);
      told(notes, () => {
        addNote(found, { name, type, description });
      });
    }
  });
}

interface FoundNotes {
  readonly file: string;
  readonly machine: MachineHint;
  readonly notes: DumpNotes;
}

function told(notes: DumpNotes, parse: () => void): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    notes.warnings.push(`the notes are damaged: ${error.message}`);
  }
}

function addNote(found: FoundNotes, note: { name: string; type: number; description: Uint8Array }): void {
  const { notes, machine } = found;
  const { name, type, description } = note;
  if (name === 'VMCOREINFO') notes.vmcoreinfo ??= decodePadded(description);
  else if (name === 'ERASEINFO') notes.eraseInfo = decodePadded(description);
  else if (name === 'CORE' && type === prstatusType) addPrstatus(notes, description, found);
  else if (name === 'CORE' && type === taskStructType) notes.readerTask = true;
  else if (name === 'LINUX' && machine.architecture === 's390x') addS390(notes, { type, bytes: description, file: found.file });
  else if (name === 'QEMU' && type === 0) addQemuState(notes, description, found);
}

function align4(position: number, end: number): number {
  return Math.min((position + 3) & ~3, end);
}

function addPrstatus(notes: DumpNotes, bytes: Uint8Array, place: { file: string; machine: MachineHint }): void {
  const { machine } = place;
  const set = registerSets[machine.architecture];
  if (set === undefined) return;
  const reader = new ByteReader(bytes, { file: place.file, part: 'NT_PRSTATUS', littleEndian: machine.littleEndian });
  reader.position = machine.pointerSize === 8 ? 32 : 24;
  const pid = reader.i32();
  reader.position = set.offset;
  const registers: Register[] = [];
  for (const name of set.names) {
    if (reader.remaining < machine.pointerSize) break;
    registers.push({ name, value: machine.pointerSize === 8 ? reader.u64() : BigInt(reader.u32()) });
  }
  notes.cpus.push({ index: notes.cpus.length, pid, registers, control: [] });
}

/** Registers of the CPU whose NT_PRSTATUS came last. */
function addS390(notes: DumpNotes, note: { type: number; bytes: Uint8Array; file: string }): void {
  const set = s390Notes[note.type];
  const cpu = notes.cpus.at(-1);
  if (set === undefined || cpu === undefined) return;
  const reader = new ByteReader(note.bytes, { file: note.file, part: `NT_S390 note 0x${note.type.toString(16)}`, littleEndian: false });
  const added = set.names.map((name): Register => ({ name, value: set.size === 8 ? reader.u64() : BigInt(reader.u32()) }));
  notes.cpus[notes.cpus.length - 1] = { ...cpu, control: [...cpu.control, ...added] };
}

function addQemuState(notes: DumpNotes, bytes: Uint8Array, place: { file: string; machine: MachineHint }): void {
  const { machine } = place;
  const index = notes.qemuStates ?? 0;
  notes.qemuStates = index + 1;
  if (machine.architecture !== 'x86-64' && machine.architecture !== 'x86-32') return;
  const reader = new ByteReader(bytes, { file: place.file, part: 'QEMU CPU note', littleEndian: true });
  // Version and size come first.
  reader.position = 8;
  const registers = qemuNote.general.map((name): Register => ({ name, value: reader.u64() }));
  const control: Register[] = [];
  for (const name of qemuNote.segments) {
    // Selector, limit, flags, padding.
    reader.borrow(16);
    const base = reader.u64();
    if (name === 'gdt' || name === 'idt' || name === 'tr') control.push({ name: `${name}_base`, value: base });
  }
  for (const name of qemuNote.control) control.push({ name, value: reader.u64() });
  if (reader.remaining >= 8) control.push({ name: 'kernel_gs_base', value: reader.u64() });
  const cpu = notes.cpus[index];
  if (cpu === undefined) notes.cpus.push({ index: notes.cpus.length, pid: 0, registers, control });
  else notes.cpus[index] = { ...cpu, control };
}
