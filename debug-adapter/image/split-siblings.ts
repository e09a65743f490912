/**
 * The other members of a split set, among the files beside one member, by content. A folder may hold a member twice, whole and
 * cut short, or members of a set that was split again: then the choice is the user's.
 */
import type { ByteSource, Host } from '../base/host.ts';
import type { NumberRange } from '../base/range.ts';
import { limits } from '../base/limits.ts';
import { unflatten } from './flattened.ts';
import { isKdump, readKdumpHeaders, vmcoreinfoOf } from './kdump-header.ts';
import type { KdumpFile } from './kdump-memory.ts';
import { sameHeader, sameVmcoreinfo } from './split.ts';

const comparedBytes = 1024 * 1024;

/** A file of the set that a member belongs to. Pages [start, end) are those that it holds. */
export interface SplitMember {
  readonly path: string;
  readonly pages: NumberRange;
  /** Whether it is taken where nobody chooses: its pages are not held by one that was taken before. */
  readonly taken: boolean;
}

interface OpenMember extends SplitMember {
  readonly source: ByteSource;
}

/**
 * The members that are taken beside `source`, opened, in the order of their pages; the caller owns them. `warnings` tells of
 * those that hold the same pages as another. Nothing when `source` is no member.
 */
export function findOtherMembers(host: Host, source: ByteSource): { readonly sources: ByteSource[]; readonly warnings: string[] } {
  const found = membersBeside(host, source);
  const warnings: string[] = [];
  if (readKdumpHeaders(source).sub.split !== undefined && host.siblings(source.name).length > limits.splitSiblings)
    warnings.push(
      `${source.name}: more than ${limits.splitSiblings} files lie beside the split dump, and only those were looked at for its other members; name the members, joined by commas`,
    );
  for (const { taken, source: unused, path, pages } of found) {
    if (taken) continue;
    unused.close();
    const text = `pages 0x${pages.start.toString(16)}-0x${pages.end.toString(16)}`;
    if (pages.start < pages.end)
      warnings.push(
        `${path}: lies beside the split dump and holds ${text}, which another member holds too; it is not used: to have it, name the members, joined by commas`,
      );
  }
  return { sources: found.filter(({ taken }) => taken).map((member) => member.source), warnings };
}

/** All members of the set that the file at `path` belongs to, itself first; undefined where it is none. Throws `UserError`. */
export function splitSetOf(host: Host, path: string): readonly SplitMember[] | undefined {
  const opened = host.openFile(path);
  try {
    const { source } = unflatten(opened);
    if (!isKdump(source.read(0, 8))) return undefined;
    const { sub } = readKdumpHeaders(source);
    if (sub.split === undefined) return undefined;
    const others = membersBeside(host, source);
    for (const other of others) other.source.close();
    return [
      { path, pages: sub.split, taken: true },
      ...others.map((other): SplitMember => ({ path: other.path, pages: other.pages, taken: other.taken })),
    ];
  } finally {
    opened.close();
  }
}

/** In the order of their pages; of those with the same pages the largest file, which is not cut short, is taken. */
function membersBeside(host: Host, source: ByteSource): OpenMember[] {
  const headers = readKdumpHeaders(source);
  const { split } = headers.sub;
  if (split === undefined) return [];
  const found = host
    .siblings(source.name)
    .slice(0, limits.splitSiblings)
    .filter((path) => path !== source.name)
    .flatMap((path) => openMember(host, path, { source, ...headers }) ?? [])
    .sort((a, b) => a.pages.start - b.pages.start || a.pages.end - b.pages.end || b.source.size - a.source.size);
  const held: NumberRange[] = [split];
  return found.map((member) => {
    const { start, end } = member.pages;
    const taken = start < end && !held.some((range) => start < range.end && range.start < end);
    if (taken) held.push(member.pages);
    return { ...member, taken };
  });
}

function openMember(
  host: Host,
  path: string,
  of: Pick<KdumpFile, 'source' | 'header' | 'sub'>,
): Pick<OpenMember, 'path' | 'pages' | 'source'> | undefined {
  let opened: ByteSource | undefined;
  try {
    opened = host.openFile(path);
    const { source } = unflatten(opened);
    if (isKdump(source.read(0, 8))) {
      const other = { source, ...readKdumpHeaders(source) };
      const same = sameHeader(of.header, other.header) && sameVmcoreinfo(vmcoreinfoOf(of), vmcoreinfoOf(other)) && sameBitmaps(of, other);
      if (other.sub.split !== undefined && same) return { path, pages: other.sub.split, source };
    }
  } catch {
    // Files of others, damaged ones: whatever cannot be opened is no member.
  }
  opened?.close();
  return undefined;
}

function sameBitmaps(a: Pick<KdumpFile, 'source' | 'header'>, b: Pick<KdumpFile, 'source'>): boolean {
  const { bitmapOffset, bitmapBytes } = a.header;
  const end = bitmapOffset + bitmapBytes;
  for (let at = bitmapOffset; at < end; at += comparedBytes) {
    const length = Math.min(comparedBytes, end - at);
    const one = a.source.read(at, length);
    const other = b.source.read(at, length);
    if (one.length !== other.length || !one.every((byte, index) => byte === other[index])) return false;
  }
  return true;
}
