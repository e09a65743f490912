/**
 * VMCOREINFO: `KEY=value` lines that the kernel leaves for dump tools (kernel/vmcore_info.c). Addresses under SYMBOL are
 * hexadecimal without 0x; SIZE, OFFSET, LENGTH and NUMBER are signed decimal, unless written by hand with 0x.
 */
import { neverCancelled, throwIfCancelled } from '../base/cancellation.ts';
import type { CancellationToken, ProgressReporter } from '../base/cancellation.ts';
import { decodeText } from '../base/text.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';

export class Vmcoreinfo {
  readonly text: string;
  /** Where it was found, in words. */
  readonly source: string;
  readonly #values: ReadonlyMap<string, string>;

  constructor(text: string, source: string) {
    this.text = text;
    this.source = source;
    const values = new Map<string, string>();
    for (const line of text.split('\n')) {
      const equals = line.indexOf('=');
      if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1).trim());
    }
    this.#values = values;
  }

  get keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** Text of a key, the last one where it is repeated. */
  value(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** SYMBOL(name): a run-time address. */
  symbol(name: string): bigint | undefined {
    return hexadecimal(this.#values.get(`SYMBOL(${name})`));
  }

  /** NUMBER(name): signed; negative where the kernel printed a high value as a signed long. */
  number(name: string): bigint | undefined {
    return decimal(this.#values.get(`NUMBER(${name})`));
  }

  /** SIZE(name) in bytes. */
  size(name: string): number | undefined {
    return small(this.#values.get(`SIZE(${name})`));
  }

  /** OFFSET(struct.member) in bytes. */
  offset(name: string): number | undefined {
    return small(this.#values.get(`OFFSET(${name})`));
  }

  /** LENGTH(name): elements of an array. */
  length(name: string): number | undefined {
    return small(this.#values.get(`LENGTH(${name})`));
  }

  /** A key whose value is hexadecimal without 0x, such as KERNELOFFSET. */
  hexValue(key: string): bigint | undefined {
    return hexadecimal(this.#values.get(key));
  }

  get osRelease(): string | undefined {
    return this.#values.get('OSRELEASE');
  }

  get pageSize(): number | undefined {
    return small(this.#values.get('PAGESIZE'));
  }
}

export function parseVmcoreinfo(text: string, source: string): Vmcoreinfo {
  return new Vmcoreinfo(text, source);
}

function hexadecimal(text: string | undefined): bigint | undefined {
  return text !== undefined && /^(?:0x)?[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text.replace(/^0x/i, '')}`) : undefined;
}

function decimal(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return BigInt(text);
  return /^-?[0-9]{1,20}$/.test(text) ? BigInt(text) : undefined;
}

function small(text: string | undefined): number | undefined {
  const value = decimal(text);
  return value !== undefined && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

const marker = Array.from('OSRELEASE=', (letter) => letter.charCodeAt(0));
const longestText = 2 * frameSize;
const leastKeys = 8;
/** Bytes of RAM between two reports. */
const reportedBytes = 64 * 2 ** 20;

export interface ScanOptions {
  readonly token?: CancellationToken | undefined;
  readonly progress?: ProgressReporter | undefined;
}

/**
 * Searches RAM for the note's text. The kernel's buffer begins on a page boundary; the copy in the note has the name
 * VMCOREINFO before it. The longest text with the keys that every kernel writes wins.
 * Reads all RAM: throws `Cancelled` when the token fires.
 */
export function findVmcoreinfo(memory: PhysicalMemory, scan: ScanOptions = {}): Vmcoreinfo | undefined {
  let best: Vmcoreinfo | undefined;
  const total = memory.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  let done = 0;
  for (const { start, end } of memory.ranges) {
    for (let frame = Math.floor(start / frameSize); frame * frameSize < end; frame++) {
      if (done % reportedBytes === 0) {
        throwIfCancelled(scan.token ?? neverCancelled);
        scan.progress?.('looking for VMCOREINFO in memory', Math.min(done, total), total);
      }
      done += frameSize;
      const bytes = memory.frame(frame);
      if (bytes === undefined) continue;
      for (let at = bytes.indexOf(marker[0] ?? 0); at >= 0; at = bytes.indexOf(marker[0] ?? 0, at + 1)) {
        if (!marker.every((byte, index) => bytes[at + index] === byte)) continue;
        const text = textFrom(memory, frame, at);
        const found = new Vmcoreinfo(text, `memory at physical 0x${(frame * frameSize + at).toString(16)}`);
        const plausible = found.keys.length >= leastKeys && found.pageSize !== undefined && found.symbol('_stext') !== undefined;
        if (plausible && (best === undefined || found.text.length > best.text.length)) best = found;
      }
    }
  }
  return best;
}

/** Printable lines from byte `at` of `frame` on, over frame ends, up to the first byte that is neither. */
function textFrom(memory: PhysicalMemory, frame: number, at: number): string {
  const collected = new Uint8Array(longestText);
  let length = 0;
  for (let number = frame, from = at; length < longestText; number++, from = 0) {
    const bytes = memory.frame(number);
    if (bytes === undefined) break;
    const stop = bytes.findIndex((byte, index) => index >= from && byte !== 0x0a && (byte < 0x20 || byte > 0x7e));
    const part = bytes.subarray(from, stop < 0 ? bytes.length : stop).subarray(0, longestText - length);
    collected.set(part, length);
    length += part.length;
    if (stop >= 0) break;
  }
  const text = decodeText(collected.subarray(0, length));
  return text.slice(0, text.lastIndexOf('\n') + 1);
}
