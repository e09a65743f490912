/** Two page-table dumps compared: of two images, of two address spaces of one, or of text. */
import { formatAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { neverCancelled } from '../base/cancellation.ts';
import type { CancellationToken, LongWork, ProgressReporter } from '../base/cancellation.ts';
import type { Host } from '../base/host.ts';
import { areFramesComparable, FrameDiff } from '../pagetable/frame-diff.ts';
import { diffPtdumps } from '../pagetable/ptdump-diff.ts';
import type { PtdumpChange, PtdumpMapping } from '../pagetable/ptdump-diff.ts';
import { isWritableExecutable } from '../protocol/ptdump-words.ts';
import type { PtdumpChangeFacts, PtdumpChangeSide, PtdumpDiffFacts } from '../protocol/facts.ts';
import { openPtdumpSource, sessionSource } from './ptdump-source.ts';
import type { PtdumpSource } from './ptdump-source.ts';
import type { SessionFace, SpaceName } from './session-face.ts';

/** One side of a comparison. */
export interface PtdumpChoice {
  readonly source: PtdumpSource;
  readonly mm?: SpaceName | undefined;
  readonly user?: boolean | undefined;
}

/** Where to look for changes, and how to stop. */
export interface PtdumpDiffWishes extends LongWork {
  readonly range?: { readonly start: Address; readonly end: Address } | undefined;
}

/** A comparison of an address space of a session with one of the same image, of another, or with text. Plain data. */
export interface PtdumpDiffQuestion {
  readonly mm: SpaceName | undefined;
  readonly user: boolean;
  /** Path(s) of the other image or of the text; absent for the session's image. */
  readonly other: readonly string[] | undefined;
  /** Of the other side; by default what the first side has, except for text, which has no choice. */
  readonly otherMm: SpaceName | undefined;
  readonly otherUser: boolean | undefined;
  readonly range: PtdumpDiffWishes['range'];
}

/** Opens the other side, and compares. Throws `UserError` and `Cancelled`. */
export function ptdumpDiffWith(
  session: SessionFace,
  asked: PtdumpDiffQuestion,
  context: { readonly host: Host; readonly token: CancellationToken; readonly progress: ProgressReporter },
): PtdumpDiffFacts {
  const { token, progress } = context;
  const source = sessionSource(session);
  const other = asked.other === undefined ? source : openPtdumpSource(context.host, { paths: asked.other, token, progress });
  try {
    const isText = other.pageTable === undefined;
    const before = { source, mm: asked.mm, user: asked.user };
    const after = {
      source: other,
      mm: asked.otherMm ?? (isText ? undefined : asked.mm),
      user: asked.otherUser ?? (isText ? undefined : asked.user),
    };
    return ptdumpDiffFacts(before, after, { range: asked.range, token, progress });
  } finally {
    if (other !== source) other.close();
  }
}

/** Throws `UserError` where a side cannot be had, and `Cancelled`. */
export function ptdumpDiffFacts(before: PtdumpChoice, after: PtdumpChoice, wishes: PtdumpDiffWishes): PtdumpDiffFacts {
  const token = wishes.token ?? neverCancelled;
  const { progress } = wishes;
  progress?.('reading page tables', 0, 3);
  const one = before.source.regions(optionsOf(before, wishes));
  progress?.('reading page tables', 1, 3);
  const two = after.source.regions(optionsOf(after, wishes));
  progress?.('comparing', 2, 3);
  const oneTable = before.source.pageTable?.(before);
  const twoTable = after.source.pageTable?.(after);
  const frames =
    oneTable === undefined || twoTable === undefined || !areFramesComparable(oneTable, twoTable)
      ? undefined
      : new FrameDiff(oneTable, twoTable, token);
  const changes = diffPtdumps(
    { regions: one.regions, frameOf: oneTable && ((page) => oneTable.frameOf(page)) },
    { regions: two.regions, frameOf: twoTable && ((page) => twoTable.frameOf(page)) },
    {
      range: wishes.range && { start: Number(wishes.range.start >> 12n), end: Number((wishes.range.end + 0xfffn) >> 12n) },
      frameDifferences: frames && ((start, end) => frames.differences(start, end)),
      token,
    },
  );
  const addressBits = one.addressBits === 32 && two.addressBits === 32 ? 32 : 64;
  const count = (kind: PtdumpChange['kind']): number => changes.filter((change) => change.kind === kind).length;
  return {
    added: count('added'),
    removed: count('removed'),
    changed: count('changed'),
    becameWritableExecutable: changes.filter((change) => isDangerous(change.after) && !isDangerous(change.before)).length,
    before: inWords(before),
    after: inWords(after),
    addressBits,
    changes: changes.map((change) => changeFacts(change, addressBits)),
    warnings: warningsOf(before.source, after.source),
  };
}

function optionsOf({ mm, user }: PtdumpChoice, { range, token }: PtdumpDiffWishes): Parameters<PtdumpSource['regions']>[0] {
  return { mm, user, range, token };
}

function isDangerous(mapping: PtdumpMapping | undefined): boolean {
  return mapping?.present === true && isWritableExecutable(mapping.attributes);
}

function inWords({ source, mm, user }: PtdumpChoice): string {
  if (source.pageTable === undefined) return source.name;
  return `${source.name} (${mm ?? 'kernel'}${user === true ? ', user half' : ''})`;
}

/** With the name of the image where there are two. */
function warningsOf(one: PtdumpSource, two: PtdumpSource): string[] {
  if (one.name === two.name) return [...new Set([...one.warnings(), ...two.warnings()])];
  return [one, two].flatMap((source) =>
    source.warnings().map((warning) => (warning.startsWith(source.name) ? warning : `${source.name}: ${warning}`)),
  );
}

function changeFacts(change: PtdumpChange, addressBits: 32 | 64): PtdumpChangeFacts {
  const address = (page: number): string => formatAddress(BigInt.asUintN(addressBits, BigInt(page) << 12n));
  const start = address(change.start);
  const end = address(change.end);
  const side = (mapping: PtdumpMapping | undefined): PtdumpChangeSide | null => {
    if (mapping === undefined) return null;
    const { level, attributes, present, firstFrame } = mapping;
    const physical = firstFrame === undefined ? null : formatAddress(BigInt(firstFrame) << 12n);
    return { start, end, level, attributes, present, physical };
  };
  return { kind: change.kind, start, end, what: change.what, before: side(change.before), after: side(change.after) };
}
