/**
 * Lists, trees, tables and logs of real kernels, damaged: bytes of exactly those pages that answering a question reads are changed,
 * so that pointers lead astray, loop, or into other structures.
 */
import { UserError } from '../../../debug-adapter/base/errors.ts';
import type { Image } from '../../../debug-adapter/image/image.ts';
import { openImage } from '../../../debug-adapter/image/open-image.ts';
import { openKernel } from '../../../debug-adapter/kernel/opening/open-kernel.ts';
import type { PhysicalMemory } from '../../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../../debug-adapter/platform/node-host.ts';
import { Session } from '../../../debug-adapter/session/session.ts';
import { Dice, edges } from '../../builders/mutations.ts';
import { absent, bundled, expandedDump } from '../../support/dumps.ts';
import { questions } from '../questions.ts';
import { assertSentence } from '../target.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

const dumps: readonly {
  readonly name: string;
  readonly path: () => string;
  readonly absent?: string | undefined;
  readonly rounds: number;
}[] = [
  { name: 'bundled', path: () => bundled.image, rounds: 5 },
  ...['x86-64', 'i386-pae-pti', 'arm64-4k', 'riscv64-sv48', 's390x', 'ppc64le'].map((name) => ({
    name,
    path: () => expandedDump(name, 'vmcore.elf'),
    absent: absent(name),
    rounds: 3,
  })),
];

/** Questions that a case asks. */
const asked = 4;

/** Memory whose frames can be replaced, and that remembers which were read. */
class DamagedMemory implements PhysicalMemory {
  readonly ranges: PhysicalMemory['ranges'];
  readonly read = new Set<number>();
  readonly changed = new Map<number, Uint8Array>();
  readonly #below: PhysicalMemory;

  constructor(below: PhysicalMemory) {
    this.#below = below;
    this.ranges = below.ranges;
  }

  frame(number: number): Uint8Array | undefined {
    this.read.add(number);
    return this.changed.get(number) ?? this.#below.frame(number);
  }

  partialFrame(number: number): ReturnType<PhysicalMemory['partialFrame']> {
    return this.#below.partialFrame(number);
  }
}

function sessionOn(image: Image, memory: PhysicalMemory): Session {
  const damaged: Image = { ...image, memory, close: () => {} };
  return new Session(damaged, openKernel(damaged, { symbols: undefined, types: undefined }));
}

/** One to four changes of a page: mostly whole words, which take the place of others, lead to each other or to themselves. */
function damage(bytes: Uint8Array, words: readonly bigint[], dice: Dice): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const changes = 1 + dice.next(4);
  for (let change = 0; change < changes; change++) {
    const at = dice.next(bytes.length / 8) * 8;
    const from = dice.next(bytes.length / 8) * 8;
    switch (dice.next(6)) {
      case 0:
        view.setBigUint64(at, view.getBigUint64(from));
        break;
      case 1:
        // A word of another structure.
        view.setBigUint64(at, words[dice.next(words.length)] ?? 0n);
        break;
      case 2:
        view.setBigUint64(at, view.getBigUint64(at, true) + BigInt(dice.next(64)) * 8n, true);
        break;
      case 3:
        view.setBigUint64(at, dice.pick(edges), dice.next(2) === 0);
        break;
      case 4:
        view.setUint32(at + 4 * dice.next(2), Number(BigInt.asUintN(32, dice.pick(edges))), dice.next(2) === 0);
        break;
      default:
        bytes[at + dice.next(8)] = dice.next(256);
    }
  }
}

export const structureTargets: readonly FuzzTarget[] = dumps.map(({ name, path, absent: missing, rounds }) => ({
  name: `structures: ${name}`,
  rounds,
  regressions: [],
  absent: missing,
  prepare: () => {
    const image = openImage(nodeHost(), [path()]);
    const whole = new DamagedMemory(image.memory);
    const session = sessionOn(image, whole);
    const opening = [...whole.read];
    // What each question reads; those that read more than structures (all memory, all tables) have it all the same.
    const pages = Object.entries(questions).map(([question, ask]) => {
      whole.read.clear();
      try {
        ask(session);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
      const read = [...whole.read].filter((frame) => image.memory.frame(frame) !== undefined);
      return { question, ask, read: read.length > 0 ? read : opening };
    });
    return {
      caseOf: (seed): FuzzCase => {
        const dice = new Dice(seed);
        const memory = new DamagedMemory(image.memory);
        const chosen = Array.from({ length: asked }, () => pages[dice.next(pages.length)]).filter((page) => page !== undefined);
        const damaged: { readonly frame: number; readonly bytes: Uint8Array }[] = [];
        for (const { read } of chosen) {
          const words = Array.from({ length: 32 }, () => {
            const other = image.memory.frame(read[dice.next(read.length)] ?? 0) ?? new Uint8Array(4096);
            return new DataView(other.buffer, other.byteOffset).getBigUint64(dice.next(512) * 8);
          });
          const places = 1 + dice.next(8);
          for (let place = 0; place < places; place++) {
            const frame = read[dice.next(read.length)] ?? 0;
            const bytes = image.memory.frame(frame)?.slice();
            if (bytes === undefined) continue;
            damage(bytes, words, dice);
            damaged.push({ frame, bytes });
          }
        }
        const before = dice.next(4) === 0;
        return {
          input: `${chosen.map(({ question }) => question).join(', ')}, damaged ${before ? 'before' : 'after'} opening: frames ${damaged.map(({ frame }) => frame).join(', ')}\n`,
          run: () => {
            const apply = (): void => {
              for (const { frame, bytes } of damaged) memory.changed.set(frame, bytes);
            };
            if (before) apply();
            const opened = sessionOn(image, memory);
            apply();
            for (const { question, ask } of chosen) {
              try {
                ask(opened);
              } catch (error) {
                if (!(error instanceof UserError)) throw new Error(question, { cause: error });
                assertSentence(error.message);
              }
            }
            for (const warning of opened.warnings()) assertSentence(warning);
          },
        };
      },
      close: () => {
        image.close();
      },
    };
  },
}));
