/** Answers the memory page from bytes that the test makes up. */
import type { HostToMemory, MemoryToHost } from '../../debug-adapter/protocol/memory-panel.ts';
import type { MemoryPageFacts, MemoryPagesFacts } from '../../debug-adapter/protocol/memory-pages.ts';
import type { WebviewPage } from './page.ts';

/** Bytes of one question of the page. */
export const chunk = 65_536;
export const hex = (value: bigint): string => `0x${value.toString(16)}`;

type Fill = (at: number) => number;
type Change = (page: MemoryPageFacts, at: number) => MemoryPageFacts;

/** A chunk of pages that are all there; `change` makes them otherwise. */
export function pagesOf(start: bigint, fill: Fill, change: Change = (page) => page): MemoryPagesFacts {
  const pages = Array.from({ length: 16 }, (_, at): MemoryPageFacts => {
    const from = start + BigInt(at * 4096);
    return change(
      {
        start: hex(from),
        end: hex(BigInt.asUintN(64, from + 4096n)),
        level: 'pte',
        entry: '0x8000000000001163',
        flags: ['PRESENT', 'RW', 'NX'],
        physical: hex(BigInt(0x1000 * (at + 1))),
        rights: { write: true, execute: false, user: false },
        reason: null,
        owner: { kind: 'direct-map', summary: 'direct map' },
        block: null,
      },
      at,
    );
  });
  const data = Buffer.from(Uint8Array.from({ length: chunk }, (_, at) => fill(at) & 255)).toString('base64');
  return { address: hex(start), data, unreadable: [], pages, pageSize: 4096, littleEndian: true, pointerSize: 8 };
}

export class BytesHost {
  readonly #memory: WebviewPage<HostToMemory, MemoryToHost>;
  #answered = 0;

  constructor(memory: WebviewPage<HostToMemory, MemoryToHost>) {
    this.#memory = memory;
  }

  async open(settings: { writable?: boolean; stop?: number; fill?: Fill } = {}): Promise<void> {
    const { writable = false, stop = 1, fill = (at: number): number => at } = settings;
    await this.#memory.send(
      { kind: 'session', state: 'live', name: 'one', next: null },
      { kind: 'opened', spaces: [], writable, watches: writable, stop },
    );
    await this.answer(fill);
  }

  /** As often as the page asks. */
  async answer(fill: Fill, change?: Change): Promise<void> {
    for (;;) {
      const asked = (await this.#memory.sent('load')).slice(this.#answered);
      if (asked.length === 0) return;
      this.#answered += asked.length;
      for (const { generation, address } of asked) {
        const pages = pagesOf(BigInt(address), fill, change);
        await this.#memory.send({ kind: 'pages', generation, address, pages, kcore: null, problem: null });
      }
    }
  }
}
