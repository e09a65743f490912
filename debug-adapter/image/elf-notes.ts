/** ELF notes of dumps: CPU registers, QEMU's control registers, VMCOREINFO (elf(5); QEMU target/i386/arch_dump.c). */
import { ByteReader } from '../base/byte-reader.ts';
import { UserError } from '../base/errors.ts';
import { decodeText } from '../base/text.ts';
import type { ArchitectureName, CpuState, MachineHint, Register } from './image.ts';

export interface DumpNotes {
  readonly cpus: CpuState[];
  vmcoreinfo: string | undefined;
  readonly warnings: string[];
}

const prstatusType = 1;
/** NT_S390_CTRS (include/uapi/linux/elf.h): sixteen control registers. */
const s390ControlType = 0x304;

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
  ppc64: { offset: 112, names: [...numbered('r', 32), ...words('nip msr orig_r3 ctr lr xer ccr')] },
  ppc64le: { offset: 112, names: [...numbered('r', 32), ...words('nip msr orig_r3 ctr lr xer ccr')] },
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

/** Parses a note segment into `notes`. A malformed note ends it with a warning. */
export function parseNotes(bytes: Uint8Array, place: { file: string; machine: MachineHint }, notes: DumpNotes): void {
  const { machine } = place;
  const reader = new ByteReader(bytes, { file: place.file, part: 'notes', littleEndian: machine.littleEndian });
  let qemuIndex = 0;
  try {
    while (reader.remaining >= 12) {
      const nameSize = reader.u32();
      const descriptionSize = reader.u32();
      const type = reader.u32();
      if (nameSize === 0 && descriptionSize === 0 && type === 0) break;
      const name = decodeText(reader.borrow(nameSize)).replace(/\0+$/, '');
      reader.position = align4(reader.position, bytes.length);
      const description = reader.borrow(descriptionSize);
      reader.position = align4(reader.position, bytes.length);
      if (name === 'VMCOREINFO') notes.vmcoreinfo ??= decodeText(description).replace(/\0+$/, '');
      else if (name === 'CORE' && type === prstatusType) addPrstatus(notes, description, place);
      else if (name === 'LINUX' && type === s390ControlType && machine.architecture === 's390x')
        addS390Control(notes, description, place.file);
      else if (name === 'QEMU' && type === 0) addQemuState(notes, description, { ...place, index: qemuIndex++ });
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    notes.warnings.push(`the notes are damaged: ${error.message}`);
  }
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

/** Control registers of the CPU whose NT_PRSTATUS came last. */
function addS390Control(notes: DumpNotes, bytes: Uint8Array, file: string): void {
  const reader = new ByteReader(bytes, { file, part: 'NT_S390_CTRS', littleEndian: false });
  const control: Register[] = [];
  for (let number = 0; number < 16 && reader.remaining >= 8; number++) control.push({ name: `cr${number}`, value: reader.u64() });
  const cpu = notes.cpus.at(-1);
  if (cpu !== undefined) notes.cpus[notes.cpus.length - 1] = { ...cpu, control };
}

function addQemuState(notes: DumpNotes, bytes: Uint8Array, place: { file: string; machine: MachineHint; index: number }): void {
  const { machine, index } = place;
  if (machine.architecture !== 'x86-64' && machine.architecture !== 'x86-32') return;
  const reader = new ByteReader(bytes, { file: place.file, part: 'QEMU CPU note', littleEndian: true });
  reader.position = 8 + qemuNote.general.length * 8;
  const control: Register[] = [];
  for (const name of qemuNote.segments) {
    reader.u32();
    reader.u32();
    reader.u32();
    reader.u32();
    const base = reader.u64();
    if (name === 'gdt' || name === 'idt' || name === 'tr') control.push({ name: `${name}_base`, value: base });
  }
  for (const name of qemuNote.control) control.push({ name, value: reader.u64() });
  if (reader.remaining >= 8) control.push({ name: 'kernel_gs_base', value: reader.u64() });
  const cpu = notes.cpus[index];
  if (cpu === undefined) notes.cpus.push({ index: notes.cpus.length, pid: 0, registers: [], control });
  else notes.cpus[index] = { ...cpu, control };
}
