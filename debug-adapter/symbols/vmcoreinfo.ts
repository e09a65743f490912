/**
 * VMCOREINFO: `KEY=value` lines that the kernel leaves for dump tools (kernel/vmcore_info.c). Addresses under SYMBOL are
 * hexadecimal without 0x; SIZE, OFFSET, LENGTH and NUMBER are signed decimal, unless written by hand with 0x.
 */

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

  /** Every key of the note, in its order. */
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

  /** OSRELEASE: what uname(1) -r said; undefined where the note lacks it. */
  get osRelease(): string | undefined {
    return this.#values.get('OSRELEASE');
  }

  /** PAGESIZE in bytes; undefined where the note lacks it. */
  get pageSize(): number | undefined {
    return small(this.#values.get('PAGESIZE'));
  }
}

/**
 * The note's text as key and value; lines without `=` are passed over, and of a key that comes twice the last counts. `source`
 * says where it was found, for findings.
 */
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
