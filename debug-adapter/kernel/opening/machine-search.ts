/**
 * Which machine's kernel lies in memory of which nothing is told (raw memory, LiME, AVML): by the keys of its VMCOREINFO,
 * and by the utsname that every Linux keeps (include/uapi/linux/utsname.h: six texts of 65 bytes, the machine's name fifth).
 */
import { toPhysAddr } from '../../base/address.ts';
import { decodeCString } from '../../base/text.ts';
import type { ArchitectureName, MachineHint } from '../../image/image.ts';
import { readPhysical } from '../../memory/physical-memory.ts';
import type { Vmcoreinfo } from '../../symbols/vmcoreinfo.ts';
import type { Landmarks } from './landmarks.ts';

const nameSize = 65;
const versionField = 3;
const machineField = 4;

const little = (architecture: ArchitectureName): MachineHint => ({ architecture, littleEndian: true, pointerSize: 8 });
const little32 = (architecture: ArchitectureName): MachineHint => ({ architecture, littleEndian: true, pointerSize: 4 });
const big = (architecture: ArchitectureName): MachineHint => ({ architecture, littleEndian: false, pointerSize: 8 });

/** UTS_MACHINE of each architecture's Makefile; both byte orders where one name serves two. */
const machinesByName: readonly (readonly [name: RegExp, machines: readonly MachineHint[]])[] = [
  [/^x86_64$/, [little('x86-64')]],
  [/^i[3-6]86$/, [little32('x86-32')]],
  [/^aarch64$/, [little('arm64')]],
  [/^armv\d[a-z]*l$/, [little32('arm')]],
  [/^riscv64$/, [little('riscv64')]],
  [/^s390x$/, [big('s390x')]],
  [/^ppc64le$/, [little('ppc64le')]],
  [/^ppc64$/, [big('ppc64')]],
  [/^mips64$/, [little('mips64'), big('mips64')]],
  [/^loongarch64$/, [little('loongarch64')]],
];

/** Keys that one architecture alone writes (arch_crash_save_vmcoreinfo). */
const machinesByKey: readonly (readonly [key: string, machines: readonly MachineHint[]])[] = [
  ['NUMBER(pgtable_l5_enabled)', [little('x86-64')]],
  ['SYMBOL(init_top_pgt)', [little('x86-64')]],
  ['SYMBOL(init_level4_pgt)', [little('x86-64')]],
  ['CONFIG_X86_PAE', [little32('x86-32')]],
  ['NUMBER(kimage_voffset)', [little('arm64')]],
  ['NUMBER(phys_ram_base)', [little('riscv64')]],
  ['SYMBOL(lowcore_ptr)', [big('s390x')]],
  ['CONFIG_ARM_LPAE', [little32('arm')]],
  ['SYMBOL(cur_cpu_spec)', [little('ppc64le'), big('ppc64')]],
];

/** A machine that the memory may be of, and the VMCOREINFO that is then its own. */
export interface LikelyMachine {
  readonly machine: MachineHint;
  /** How it was found, in words. */
  readonly source: string;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
}

/**
 * Likely ones first; what they are must be tried. Memory may hold more than one kernel: that of the machine, and those of
 * virtual machines that it runs.
 */
export function* likelyMachines(landmarks: Landmarks, vmcoreinfo: Vmcoreinfo | undefined): Generator<LikelyMachine> {
  const byKeys = machinesByKey.filter(([key]) => vmcoreinfo?.value(key) !== undefined);
  const tried: MachineHint[] = [];
  const isNew = (machine: MachineHint): boolean => {
    if (tried.some((one) => same(one, machine))) return false;
    tried.push(machine);
    return true;
  };
  for (const [key, machines] of byKeys) {
    for (const machine of machines) if (isNew(machine)) yield { machine, source: `VMCOREINFO in memory has ${key}`, vmcoreinfo };
  }
  for (const machine of byUtsname(landmarks)) {
    if (isNew(machine)) yield { machine, source: 'the utsname in memory', vmcoreinfo: byKeys.length === 0 ? vmcoreinfo : undefined };
  }
}

function same(a: MachineHint, b: MachineHint): boolean {
  return a.architecture === b.architecture && a.littleEndian === b.littleEndian;
}

/** Those of which memory has the most copies of the name first. Reads all memory. */
function byUtsname(landmarks: Landmarks): MachineHint[] {
  const copies = new Map<string, number>();
  for (const name of machineNames(landmarks)) copies.set(name, (copies.get(name) ?? 0) + 1);
  return [...copies]
    .sort(([, a], [, b]) => b - a)
    .flatMap(([name]) => machinesByName.filter(([pattern]) => pattern.test(name)).flatMap(([, machines]) => machines));
}

/** Machine names of everything in memory that looks like a utsname. */
function* machineNames(landmarks: Landmarks): Generator<string> {
  for (const place of landmarks.places('utsname')) {
    const { bytes: names } = readPhysical(landmarks.memory, toPhysAddr(place), 6 * nameSize);
    const field = (index: number): string => decodeCString(names.subarray(index * nameSize, (index + 1) * nameSize));
    if (field(versionField).startsWith('#')) yield field(machineField);
  }
}
