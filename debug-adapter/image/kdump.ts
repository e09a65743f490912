/**
 * kdump-compressed files (makedumpfile's IMPLEMENTATION and diskdump_mod.h): a header, a sub-header, two bitmaps (RAM
 * pages; dumped pages), one descriptor for each dumped page, page data. One file, or the members of a split set.
 */
import type { ByteSource, Host } from '../base/host.ts';
import type { NumberRange } from '../base/range.ts';
import { decodeCString } from '../base/text.ts';
import { limits } from '../base/limits.ts';
import { Unpacker } from '../codec/unpacker.ts';
import { parseNotes } from './elf-notes.ts';
import type { DumpNotes } from './elf-notes.ts';
import type { Image } from './image.ts';
import type { ImageOptions } from './image-format.ts';
import { kdumpStatus, machineOf, readKdumpHeaders, readKdumpRange, vmcoreinfoOf } from './kdump-header.ts';
import { KdumpMemory } from './kdump-memory.ts';
import type { KdumpFile } from './kdump-memory.ts';
import { joinSplitSet } from './split.ts';

/** Pages that are kept decompressed, unless the user says otherwise. */
const defaultCacheBytes = 32 * 1024 * 1024;

/** Opens one kdump-compressed file, or all files of a split set. Owns `sources` when it returns. */
export function openKdump(host: Host, sources: readonly [ByteSource, ...ByteSource[]], options: ImageOptions): Image {
  const warnings: string[] = [];
  const cacheBytes = Math.floor((options.cacheBytes ?? defaultCacheBytes) / sources.length);
  let unpacker: Unpacker | undefined;
  const files = sources.map((source): KdumpFile => {
    const { header, sub, warnings: told } = readKdumpHeaders(source);
    warnings.push(...told);
    unpacker ??= new Unpacker(host, header.blockSize);
    const memory = new KdumpMemory(source, { header, sub, unpacker, cacheBytes });
    return { source, header, sub, memory, vmcoreinfo: vmcoreinfoOf({ source, sub }) };
  });
  const [first] = files;
  if (first === undefined) throw new RangeError('a dump has at least one file');
  if (files.some(({ header }) => (header.status & kdumpStatus.incomplete) !== 0))
    warnings.push('the dump was ended early by its writer (incomplete flag); pages without data are told as such');
  if (files.some(({ header }) => (header.status & kdumpStatus.excludedVmemmap) !== 0))
    warnings.push('unused struct pages were left out of the dump (excluded-vmemmap flag)');
  const split = sources.length > 1 || first.sub.split !== undefined;
  const { memory, missing }: ReturnType<typeof joinSplitSet> = split
    ? joinSplitSet(files, warnings)
    : { memory: first.memory, missing: [] };
  for (const file of files) warnings.push(...file.memory.warnings);
  const machine = machineOf(first.source, first.header);
  const notes: DumpNotes = { cpus: [], vmcoreinfo: undefined, warnings };
  const noted = files.find(({ sub }) => sub.notes !== undefined);
  if (noted?.sub.notes !== undefined && machine !== undefined)
    parseNotes(readKdumpRange(noted.source, noted.sub.notes), { file: noted.source.name, machine }, notes);
  const vmcoreinfo = files.find((file) => file.vmcoreinfo !== '')?.vmcoreinfo;
  const eraseInfo = eraseInfoOf(files);
  return {
    name: sources.map(({ name }) => name).join(','),
    format: split ? `split kdump-compressed (${files.length} ${files.length === 1 ? 'file' : 'files'})` : 'kdump-compressed',
    get compression() {
      return [...new Set(files.flatMap((file) => file.memory.compression))];
    },
    machine,
    memory,
    vmcoreinfo:
      vmcoreinfo !== undefined
        ? { text: vmcoreinfo, source: 'kdump sub-header' }
        : notes.vmcoreinfo === undefined
          ? undefined
          : { text: notes.vmcoreinfo, source: 'VMCOREINFO note' },
    cpus: notes.cpus,
    virtualSegments: [],
    headerFacts: [...headerFacts(first, eraseInfo), ...(split ? files.map(memberFact) : []), ...missing.map(missingFact)],
    dumpLevel: first.sub.dumpLevel,
    warnings,
    eraseInfo,
    close: () => {
      unpacker?.close();
      for (const source of sources) source.close();
    },
  };
}

function eraseInfoOf(files: readonly KdumpFile[]): string | undefined {
  for (const { source, sub } of files) if (sub.eraseInfo !== undefined) return decodeCString(readKdumpRange(source, sub.eraseInfo));
  return undefined;
}

/** What makedumpfile leaves out, by the bits of the dump level. */
const levelBits: readonly (readonly [bit: number, what: string])[] = [
  [1, 'zero pages (they read as zeros)'],
  [2, 'page cache without private pages'],
  [4, 'page cache with private pages'],
  [8, 'user pages'],
  [16, 'free pages'],
];

function headerFacts(file: KdumpFile, eraseInfo: string | undefined): { name: string; value: string }[] {
  const { header, sub, memory } = file;
  const facts = [
    { name: 'signature', value: header.diskdump ? 'DISKDUMP' : 'KDUMP' },
    { name: 'version', value: String(header.version) },
    { name: 'layout', value: `${header.wide ? 64 : 32}-bit, ${header.littleEndian ? 'little' : 'big'}-endian` },
    { name: 'block size', value: String(header.blockSize) },
  ];
  const names = ['sysname', 'nodename', 'release', 'kernel version', 'machine', 'domainname'];
  header.utsname.forEach((value, index) => {
    if (value !== '') facts.push({ name: names[index] ?? '', value });
  });
  if (sub.physBase !== undefined) facts.push({ name: 'phys_base', value: `0x${BigInt.asUintN(64, sub.physBase).toString(16)}` });
  const left = levelBits.filter(([bit]) => ((sub.dumpLevel ?? 0) & bit) !== 0).map(([, what]) => what);
  if (left.length > 0) facts.push({ name: 'left out', value: left.join(', ') });
  const { ram, dumped } = memory;
  facts.push(
    { name: 'pages in RAM', value: String(ram.population) },
    { name: 'pages dumped', value: String(dumped.population) },
    { name: 'pages left out', value: String(Math.max(0, ram.population - dumped.population)) },
  );
  const flags = [
    (header.status & kdumpStatus.incomplete) !== 0 ? 'incomplete' : '',
    (header.status & kdumpStatus.excludedVmemmap) !== 0 ? 'excluded vmemmap' : '',
  ].filter((flag) => flag !== '');
  if (flags.length > 0) facts.push({ name: 'flags', value: flags.join(', ') });
  const erased = (eraseInfo ?? '').split('\n').filter((line) => line.trim() !== '');
  for (const line of erased.slice(0, limits.erasedLines)) facts.push({ name: 'erased', value: line });
  if (erased.length > limits.erasedLines) facts.push({ name: 'erased', value: `and ${erased.length - limits.erasedLines} more` });
  return facts;
}

function memberFact({ source, memory }: KdumpFile): { name: string; value: string } {
  const { start, end } = memory.pages;
  return { name: 'member', value: `${source.name}: ${start === end ? 'no pages' : pagesText(memory.pages)}` };
}

/** Pages that no member holds though the dump has some of them. */
function missingFact(pages: NumberRange): { name: string; value: string } {
  return { name: 'missing member', value: pagesText(pages) };
}

function pagesText({ start, end }: NumberRange): string {
  return `pages 0x${start.toString(16)}-0x${end.toString(16)}`;
}
