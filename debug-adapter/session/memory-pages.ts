/** The pages of a range of memory: what each belongs to, how it is mapped, and its bytes; runs without bytes as one. */
import { formatAddress, toAddress, toPhysAddr } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { MemoryRead } from '../memory/hole.ts';
import type { PageTable } from '../pagetable/page-table.ts';
import type { IdentifyFacts, TranslationFacts } from '../protocol/facts.ts';
import type { MemoryPageFacts } from '../protocol/memory-pages.ts';
import type { SessionFace, SpaceName } from './session-face.ts';

/** Entries behind the range that are looked at, so that a space without mappings is told in few answers. */
const mostStepsOn = 64;
const spaceEnd = 1n << 64n;
const physicalEnd = 1n << 53n;

/** Whose addresses are meant. */
export interface MemoryPagesOptions {
  readonly mm?: SpaceName | undefined;
  /** The addresses are physical ones. */
  readonly physical?: boolean | undefined;
}

/** Bytes, and what the pages are that they lie in. */
export interface MemoryPages {
  readonly read: MemoryRead;
  readonly pages: readonly MemoryPageFacts[];
}

/** Of RAM, in bytes; ascending. */
interface Range {
  readonly start: number;
  readonly end: number;
}

type Asked = Pick<SessionFace, 'identify' | 'pageTable' | 'identifyPhysical' | 'readPhysical' | 'readVirtual' | 'translate'>;

/** A page with the end of the run in which the same is to be said, as numbers. */
interface PageRun {
  readonly start: bigint;
  readonly end: bigint;
  readonly facts: Omit<MemoryPageFacts, 'start' | 'end'>;
  /** Equal for neighbours that are told as one; undefined where there are bytes. */
  readonly merged: string | undefined;
  /** Why nothing of it can be read; undefined where something can. */
  readonly without: string | undefined;
}

/** Reads up to the end of the space at most. Throws `UserError` for a length that is too large. */
export function memoryPages(
  session: Asked,
  range: { readonly address: Address; readonly count: number; readonly pageSize: number; readonly ram: readonly Range[] },
  options: MemoryPagesOptions,
): MemoryPages {
  const { address, count, pageSize } = range;
  if (count > limits.memoryPageBytes)
    throw errors.limit(`${count} bytes are more than one question about pages gives (${limits.memoryPageBytes}); ask in parts`);
  const top = options.physical === true ? physicalEnd : spaceEnd;
  if (address >= top) throw errors.badArgument(`physical addresses lie below 2^53, ${formatAddress(address)} does not`);
  const end = address + BigInt(count) > top ? top : address + BigInt(count);
  const length = Number(end - address);
  const read =
    options.physical === true ? session.readPhysical(toPhysAddr(address), length) : session.readVirtual(address, length, options.mm);
  const size = BigInt(pageSize);
  const runs: PageRun[] = [];
  for (let at: bigint = address - (address % size); at < end;) {
    const without = reasonOfPage(read, Number(at - address), pageSize);
    const run =
      options.physical === true
        ? physicalPage(session, at, { pageSize, without, ram: range.ram })
        : virtualPage(session, at, { pageSize, without, mm: options.mm });
    const last = runs.at(-1);
    if (last?.merged !== undefined && last.merged === run.merged) runs[runs.length - 1] = { ...last, end: run.end };
    else runs.push(run);
    at = run.end;
  }
  if (options.physical !== true) runs.push(...goOn(session, runs, { pageSize, mm: options.mm }));
  return {
    read,
    pages: runs.map(({ start, end: behind, facts }) => ({ start: formatAddress(start), end: formatAddress(toAddress(behind)), ...facts })),
  };
}

/** Takes the last run off where it goes on behind the range that was asked for, and gives it as far as that is quickly told. */
function goOn(session: Asked, runs: PageRun[], asked: { readonly pageSize: number; readonly mm: SpaceName | undefined }): PageRun[] {
  const last = runs.pop();
  if (last === undefined) return [];
  let { end } = last;
  const without = last.facts.physical === null && last.facts.block === null ? last.merged : undefined;
  for (let step = 0; without !== undefined && step < mostStepsOn && end < spaceEnd; step++) {
    const next = virtualPage(session, end, { ...asked, without: last.without });
    if (next.facts.physical !== null || next.merged !== last.merged) break;
    ({ end } = next);
  }
  return [{ ...last, end }];
}

/** Why no byte of the page can be read, as far as it was read; undefined where one can. */
function reasonOfPage({ bytes, holes }: MemoryRead, from: number, pageSize: number): string | undefined {
  const [low, high] = [Math.max(0, from), Math.min(bytes.length, from + pageSize)];
  const hole = holes.find(({ offset, length }) => offset <= low && offset + length >= high);
  return hole === undefined ? undefined : `${hole.reason.kind} ${hole.reason.category ?? ''}`;
}

interface PageQuestion {
  readonly pageSize: number;
  readonly without: string | undefined;
}

function virtualPage(session: Asked, start: bigint, asked: PageQuestion & { readonly mm: SpaceName | undefined }): PageRun {
  const { pageSize, without, mm } = asked;
  const walk = session.translate(toAddress(start), mm);
  const identified = session.identify(toAddress(start), mm);
  const last = walk.levels.at(-1);
  const { effective } = walk;
  const block = blockOf(identified);
  const facts = {
    level: last?.level ?? null,
    entry: last?.entry ?? null,
    flags: last?.flags ?? [],
    physical: walk.physical,
    rights: effective === null ? null : { write: effective.write, execute: effective.execute, user: effective.user },
    reason: walk.physical === null ? (walk.reason ?? 'nothing is mapped') : null,
    owner: { kind: identified.kind, summary: identified.summary },
    block,
  };
  const page = { start, end: start + BigInt(pageSize) };
  const merged = `${without ?? ''} ${identified.kind} ${ownerRange(identified)}`;
  if (identified.kind === 'non-canonical')
    return {
      start,
      end: canonicalBehind(session.pageTable({ mm }), start),
      facts,
      without,
      merged: without === undefined ? undefined : merged,
    };
  // A block's pages differ by state, whatever the tables say.
  if (block !== null) {
    const named = `${merged} ${block.state} ${walk.physical === null ? 'unmapped' : 'mapped'}`;
    return { ...page, facts, without, merged: without === undefined ? undefined : named };
  }
  const words = walk.physical !== null ? 'mapped' : last?.entry === '0x0' ? 'empty' : (walk.reason ?? '');
  // Elsewhere an entry that maps nothing speaks for all that it covers.
  const whole = walk.physical === null ? extentOf(walk, start, pageSize) : page;
  return { ...whole, facts, without, merged: without === undefined ? undefined : `${merged} ${words}` };
}

/** What the entry that ends a walk covers, where nothing else can begin in it. */
function extentOf({ pageSize: covered, levels }: TranslationFacts, start: bigint, pageSize: number): { start: bigint; end: bigint } {
  const size = BigInt(levels.at(-1)?.entry === '0x0' ? Math.max(covered, pageSize) : pageSize);
  const end = start - (start % size) + size;
  return { start, end: end > spaceEnd ? spaceEnd : end };
}

/** First canonical address behind one that is not; the end of the space where there is none. */
function canonicalBehind({ mode }: PageTable, start: bigint): bigint {
  if (!mode.isCanonical(toAddress(spaceEnd - 1n))) return spaceEnd;
  let [low, high] = [start, spaceEnd - 1n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (mode.isCanonical(toAddress(middle))) high = middle;
    else low = middle;
  }
  return high;
}

/** Keeps areas apart that lie side by side. */
function ownerRange({ details: [first] }: IdentifyFacts): string {
  return JSON.stringify([first?.['start'], first?.['guard'], first?.['category']]);
}

function blockOf({ details }: IdentifyFacts): MemoryPageFacts['block'] {
  const found = details.find(({ kind }) => kind === 'vmap-block');
  if (found === undefined) return null;
  const { state, page, pages } = found;
  return typeof state === 'string' && typeof page === 'number' && typeof pages === 'number' ? { state, page, pages } : null;
}

function physicalPage(
  session: Asked,
  start: bigint,
  { pageSize, without, ram }: PageQuestion & { readonly ram: readonly Range[] },
): PageRun {
  const identified = session.identifyPhysical(toPhysAddr(start));
  const facts = {
    level: null,
    entry: null,
    flags: [],
    physical: formatAddress(start),
    rights: null,
    reason: null,
    owner: { kind: identified.kind, summary: identified.summary },
    block: null,
  };
  const page = start + BigInt(pageSize);
  const behind = ram.find((range) => range.start > start);
  const end =
    without?.startsWith('not-ram') === true && !ram.some((range) => range.start < page && range.end > start)
      ? BigInt(behind?.start ?? physicalEnd)
      : page;
  return {
    start,
    end: end > page ? end - (end % BigInt(pageSize)) : page,
    facts,
    without,
    merged: without === undefined ? undefined : `${without} ${identified.kind} ${ownerRange(identified)}`,
  };
}
