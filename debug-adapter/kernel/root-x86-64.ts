/**
 * The kernel's root table of an x86-64 image: from VMCOREINFO, else from a CPU's CR3. Each candidate is tried: it counts
 * only when it maps what it must map (arch/x86/kernel/vmcore_info_64.c, arch/x86/include/asm/pgtable.h).
 */
import { formatAddress, toAddress, toPhysAddr } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { x8664Mode } from '../arch/x86-64.ts';
import type { PagingMode } from '../arch/paging-mode.ts';
import type { Image } from '../image/image.ts';
import { PageTable } from '../pagetable/page-table.ts';
import type { Vmcoreinfo } from '../symbols/vmcoreinfo.ts';
import type { Finding, KernelRoot } from './kernel.ts';

/** Virtual address at which the kernel image's mapping begins (__START_KERNEL_map). */
export const startKernelMap = 0xffff_ffff_8000_0000n;
const la57 = 0x1000n;
const pageSize = 0x1000n;

interface Candidate {
  readonly root: bigint;
  readonly source: string;
}

/** Finds the root, or throws `no-page-table`. */
export function findX8664Root(image: Image, vmcoreinfo: Vmcoreinfo | undefined): KernelRoot {
  const findings: Finding[] = [];
  const warnings: string[] = [];
  const encryptionMask = BigInt.asUintN(64, vmcoreinfo?.number('sme_mask') ?? 0n);
  const levelChoices = pagingLevels(image, vmcoreinfo);
  const rejected: Rejection[] = [];
  for (const candidate of rootCandidates(image, vmcoreinfo)) {
    for (const { levels, source } of levelChoices) {
      const mode = x8664Mode({ levels, encryptionMask });
      const problem = rejection(image, { candidate, mode, vmcoreinfo });
      if (problem !== undefined) {
        rejected.push(problem);
        continue;
      }
      findings.push(
        { quantity: 'pageTableRoot', value: candidate.root, source: candidate.source },
        { quantity: 'pagingLevels', value: BigInt(levels), source },
      );
      warnings.push(...rejected.map(({ message }) => `page table root: ${message}; ${candidate.source} was taken instead`));
      return { mode, pageTable: new PageTable(image.memory, mode, toPhysAddr(candidate.root)), findings, warnings };
    }
  }
  const [first] = rejected;
  if (first?.missing !== true) throw errors.noPageTable(first?.message ?? 'the dump has neither VMCOREINFO nor control registers');
  // The tables lie in memory that the file no longer has: what is left can still be read by physical address.
  const levels = levelChoices[0]?.levels ?? 4;
  const mode = x8664Mode({ levels, encryptionMask });
  findings.push({ quantity: 'pageTableRoot', value: first.candidate.root, source: first.candidate.source });
  warnings.push(`page tables are missing from the dump: ${first.message}; kernel addresses cannot be read, physical ones can`);
  return { mode, pageTable: new PageTable(image.memory, mode, toPhysAddr(first.candidate.root)), findings, warnings };
}

interface Rejection {
  readonly message: string;
  readonly candidate: Candidate;
  /** The tables lie in RAM that the dump lacks: the root may well be right. */
  readonly missing: boolean;
}

function* rootCandidates(image: Image, vmcoreinfo: Vmcoreinfo | undefined): Generator<Candidate> {
  const physBase = vmcoreinfo?.number('phys_base');
  for (const name of ['swapper_pg_dir', 'init_top_pgt', 'init_level4_pgt']) {
    const virtual = vmcoreinfo?.symbol(name);
    if (virtual === undefined || physBase === undefined) continue;
    yield {
      root: BigInt.asUintN(64, virtual - startKernelMap + physBase),
      source: `VMCOREINFO SYMBOL(${name}) and NUMBER(phys_base)`,
    };
    break;
  }
  for (const cpu of image.cpus) {
    const cr3 = cpu.control.find((register) => register.name === 'cr3')?.value;
    if (cr3 === undefined || cr3 === 0n) continue;
    // Bits 0-11 hold the PCID; bit 12 chooses the user half under page-table isolation.
    const root = cr3 & 0x000f_ffff_ffff_f000n;
    yield { root: root & ~pageSize, source: `CR3 of CPU ${cpu.index} without PCID and PTI bits` };
    if ((root & pageSize) !== 0n) yield { root, source: `CR3 of CPU ${cpu.index} without PCID` };
  }
}

function pagingLevels(image: Image, vmcoreinfo: Vmcoreinfo | undefined): { levels: 4 | 5; source: string }[] {
  const enabled = vmcoreinfo?.number('pgtable_l5_enabled');
  if (enabled !== undefined) {
    return [{ levels: enabled === 0n ? 4 : 5, source: 'VMCOREINFO NUMBER(pgtable_l5_enabled)' }];
  }
  const cr4 = image.cpus.map((cpu) => cpu.control.find((register) => register.name === 'cr4')?.value).find((value) => value !== undefined);
  if (cr4 !== undefined) return [{ levels: (cr4 & la57) === 0n ? 4 : 5, source: 'CR4.LA57 of a CPU' }];
  return [
    { levels: 4, source: 'the tables map the kernel with 4 levels' },
    { levels: 5, source: 'the tables map the kernel with 5 levels' },
  ];
}

/** Why a root cannot be the kernel's, or undefined when it maps what it must. */
function rejection(
  image: Image,
  tried: { candidate: Candidate; mode: PagingMode; vmcoreinfo: Vmcoreinfo | undefined },
): Rejection | undefined {
  const { candidate, mode, vmcoreinfo } = tried;
  const reject = (what: string, missing = false): Rejection => ({
    message: `${candidate.source} gives ${formatAddress(candidate.root)}, which ${what}`,
    candidate,
    missing,
  });
  if (candidate.root >= 1n << 52n) return reject('is no physical address');
  const table = new PageTable(image.memory, mode, toPhysAddr(candidate.root));
  const text = vmcoreinfo?.symbol('_stext');
  if (text !== undefined) {
    const found = table.translate(toAddress(text));
    if (found.physical !== undefined) return undefined;
    const { reason } = found;
    const missing = reason !== undefined && ['truncated', 'excluded', 'corrupt', 'io-error'].includes(reason.kind);
    return reject(`does not map _stext (${reason?.message ?? 'no reason'})`, missing);
  }
  return mapsKernelText(table) ? undefined : reject('maps no kernel text');
}

/** Whether anything is mapped in the 1 GiB where the kernel image lies, tried at each 2 MiB. */
function mapsKernelText(table: PageTable): boolean {
  for (let offset = 0n; offset < 0x4000_0000n; offset += 0x20_0000n) {
    if (table.translate(toAddress(startKernelMap + offset)).physical !== undefined) return true;
  }
  return false;
}
