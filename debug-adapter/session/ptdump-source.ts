/** Where a page-table dump comes from: an image, or a file that holds the kernel's text. */
import { formatAddress } from '../base/address.ts';
import { errors, UserError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import { decodeText } from '../base/text.ts';
import type { PageTable } from '../pagetable/page-table.ts';
import { isPtdumpText, parsePtdump } from '../pagetable/ptdump-parse.ts';
import type { ParsedPtdump } from '../pagetable/ptdump-parse.ts';
import type { AddressSpaceFacts } from '../protocol/facts.ts';
import type { PtdumpLine } from '../protocol/requests.ts';
import type { FilteredPart } from './list-part.ts';
import type { OpenOptions, PtdumpOptions, SessionFace } from './session-face.ts';
import { openSession } from './session.ts';

/** One side of a comparison: an address space of an image, or a text. */
export interface PtdumpSource {
  readonly name: string;
  /** The lines of the dump. A text has no other space and no other half than its own. */
  lines(options: PtdumpOptions): readonly PtdumpLine[];
  /** The regions behind the lines, in the form that text has too: dumps of any two sources can be compared. */
  regions(options: PtdumpOptions): ParsedPtdump;
  /** The tables themselves; absent for text. */
  readonly pageTable?: ((options: PtdumpOptions) => PageTable) | undefined;
  /** What can be chosen; of text, nothing. */
  addressSpaces(part?: FilteredPart): readonly AddressSpaceFacts[];
  /** What is known to be wrong with the source, so far, one sentence each. */
  warnings(): readonly string[];
  /** Closes the files behind it. */
  close(): void;
}

const headSize = 4096;

/** Recognises an image or the text of a dump by its content. Throws `UserError` for anything else. */
export function openPtdumpSource(host: Host, options: OpenOptions): PtdumpSource {
  const [path] = options.paths;
  if (path !== undefined && options.paths.length === 1) {
    const text = readText(host, path);
    if (text !== undefined) return textSource(path, text);
  }
  try {
    const session = openSession(host, options);
    return sessionSource(session, () => {
      session.close();
    });
  } catch (error) {
    if (error instanceof UserError && error.code === 'not-a-dump' && path !== undefined) throw errors.neitherDumpNorPtdump(path);
    throw error;
  }
}

/** The session stays open when the source is closed, unless `close` says otherwise. */
export function sessionSource(session: SessionFace, close: () => void = () => undefined): PtdumpSource {
  return {
    name: session.name,
    lines: (options) => {
      const lines = session.ptdumpLines(options);
      session.files.check();
      return lines;
    },
    regions: (options) => {
      const lines = session.ptdumpLines(options).map(({ text }) => `${text}\n`);
      return parsePtdump(lines.join(''), session.name);
    },
    pageTable: (options) => session.pageTable(options),
    addressSpaces: (part) => session.addressSpaces(part),
    warnings: () => session.warnings(),
    close,
  };
}

function textSource(name: string, text: string): PtdumpSource {
  const refuse = ({ mm, user }: PtdumpOptions): void => {
    if (mm !== undefined || user === true) {
      throw errors.badArgument(`${name}: is the text of one address space, of which no other can be chosen; leave that choice out`);
    }
  };
  return {
    name,
    lines: (options) => {
      refuse(options);
      return textLines(text, name);
    },
    regions: (options) => {
      refuse(options);
      return parsePtdump(text, name);
    },
    addressSpaces: () => [],
    warnings: () => [],
    close: () => undefined,
  };
}

/** Each line with its region; a marker stands where the region behind it begins. */
function textLines(text: string, name: string): PtdumpLine[] {
  const { regions, addressBits } = parsePtdump(text, name);
  const address = (page: number): string => formatAddress(BigInt.asUintN(addressBits, BigInt(page) << 12n));
  let at = 0;
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((whole) => {
      const line = whole.replace(/\r$/, '');
      const next = regions[at];
      if (next === undefined || !line.trimStart().startsWith('0x')) {
        const marker = line.startsWith('---[') ? address(next?.start ?? regions.at(-1)?.end ?? 0) : null;
        return { text: line, region: null, marker };
      }
      at++;
      const { level, attributes, present } = next;
      return { text: line, region: { start: address(next.start), end: address(next.end), level, attributes, present }, marker: null };
    });
}

/** The text of a dump, or undefined when the file is something else. */
function readText(host: Host, path: string): string | undefined {
  const source = host.openFile(path);
  try {
    if (!isPtdumpText(decodeText(source.read(0, headSize)))) return undefined;
    if (source.size > limits.ptdumpBytes) {
      throw errors.limit(`${path}: has ${source.size} bytes, more than a page-table dump has; cut it down to the part in question`);
    }
    return decodeText(source.read(0, source.size));
  } finally {
    source.close();
  }
}
