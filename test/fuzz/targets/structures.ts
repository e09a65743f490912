/**
 * Lists, trees, tables and logs of real kernels, damaged in exactly those words that answering a question reads, so that pointers
 * lead astray, loop, or into other structures, and counts claim anything. Names and types are read once and shared by most cases.
 */
import type { Address } from '../../../debug-adapter/base/address.ts';
import { UserError } from '../../../debug-adapter/base/errors.ts';
import { openImage } from '../../../debug-adapter/image/open-image.ts';
import { frameSize } from '../../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../../debug-adapter/platform/node-host.ts';
import type { Session } from '../../../debug-adapter/session/session.ts';
import { Dice, edges } from '../../builders/mutations.ts';
import { absent, bundled, expandedDump } from '../../support/dumps.ts';
import { assertSameBytes } from '../agreement.ts';
import { DamagedMemory, sessionOn } from '../damaged-memory.ts';
import { questions } from '../questions.ts';
import { recordReads } from '../recorded-reads.ts';
import type { RecordedRead } from '../recorded-reads.ts';
import { assertSentence } from '../target.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

const dumps: readonly { readonly name: string; readonly path: () => string; readonly absent?: string | undefined }[] = [
  { name: 'bundled', path: () => bundled.image },
  ...['x86-64', 'i386-pae-pti', 'arm64-4k', 'riscv64-sv48', 's390x', 'ppc64le'].map((name) => ({
    name,
    path: () => expandedDump(name, 'vmcore.elf'),
    absent: absent(name),
  })),
];

/** Questions that read all memory or all tables: asked in one case of so many. */
const heavy = new Set(['search', 'findings', 'page categories', 'reverse map', 'identify memory']);
const heavyOnceIn = 24;
/** Cases of which one opens the kernel from the damaged memory, names and types too. */
const openedOnceIn = 24;
/** Cases of which one damages whole pages: tables, which are not read through an address space. */
const pagesOnceIn = 4;

interface Question {
  readonly name: string;
  readonly ask: (session: Session) => unknown;
  readonly reads: readonly RecordedRead[];
  /** Frames read, in whatever way. */
  readonly frames: readonly number[];
}

/** What opening reads: names, types and VMCOREINFO of the kernel. */
function open(session: Session): void {
  session.symbols.findAll('init_task');
  session.types?.struct('task_struct');
}

function attempt(question: string, ask: () => unknown): void {
  try {
    ask();
  } catch (error) {
    if (!(error instanceof UserError)) throw new Error(question, { cause: error });
    assertSentence(error.message);
  }
}

/** What stands at `read` in undamaged memory, as a number of its own size. */
function numberAt(memory: DamagedMemory, { at, length }: RecordedRead, littleEndian: boolean): bigint {
  const view = memory.changeAt(at);
  return view === undefined || length < 8 ? 0n : view.getBigUint64(0, littleEndian);
}

interface Place {
  readonly memory: DamagedMemory;
  readonly littleEndian: boolean;
  readonly pointerSize: 4 | 8;
}

/** Changes a word of what was read: it leads to itself, to what another leads to, nearby, nowhere, or is a number at an edge. */
function damageWord({ memory, littleEndian, pointerSize }: Place, reads: readonly RecordedRead[], dice: Dice): Address | undefined {
  const read = reads[dice.next(reads.length)];
  const other = reads[dice.next(reads.length)];
  if (read === undefined || other === undefined) return undefined;
  const size = read.length >= pointerSize ? pointerSize : read.length;
  const offset = dice.next(Math.max(1, Math.floor(read.length / size))) * size;
  const view = memory.changeAt(read.at + offset);
  if (view === undefined || view.byteLength < size) return undefined;
  if (size !== 4 && size !== 8) {
    view.setUint8(0, dice.next(3) === 0 ? Number(dice.pick(edges) & 0xffn) : dice.next(256));
    return read.address;
  }
  const before = size === 8 ? view.getBigUint64(0, littleEndian) : BigInt(view.getUint32(0, littleEndian));
  const value = ((): bigint => {
    switch (dice.next(9)) {
      case 0:
        return read.address;
      case 1:
        return read.address + BigInt(offset - 8 * dice.next(32));
      case 2:
        return other.address - BigInt(8 * dice.next(dice.pick([1, 1, 32])));
      case 3:
        return numberAt(memory, other, littleEndian);
      case 4:
        return before + BigInt(8 * (dice.next(65) - 32));
      case 5:
        return before ^ (1n << BigInt(dice.next(8 * size)));
      case 6:
        return before ^ BigInt(1 + dice.next(7));
      case 7:
        return dice.pick([0n, 0xdead_0000_0000_0100n, ...edges]);
      default:
        return dice.pick(edges);
    }
  })();
  if (size === 8) view.setBigUint64(0, BigInt.asUintN(64, value), littleEndian);
  else view.setUint32(0, Number(BigInt.asUintN(32, value)), littleEndian);
  return read.address;
}

/** Changes entries of a page: they take each other's place, or lead to themselves, out of RAM, or anywhere. */
function damagePage({ memory, littleEndian }: Place, frame: number, dice: Dice): void {
  const view = memory.changeAt(frame * frameSize);
  if (view === undefined) return;
  for (let change = 1 + dice.next(8); change > 0; change--) {
    const at = dice.next(frameSize / 8) * 8;
    const entry = view.getBigUint64(dice.next(frameSize / 8) * 8, littleEndian);
    const itself = BigInt(frame) * BigInt(frameSize);
    const value = dice.pick([entry, entry, (entry & 0xfffn) | itself, entry ^ (1n << BigInt(dice.next(64))), dice.pick(edges)]);
    view.setBigUint64(at, BigInt.asUintN(64, value), littleEndian);
  }
}

export const structureTargets: readonly FuzzTarget[] = dumps.map(({ name, path, absent: missing }) => ({
  name: `structures: ${name}`,
  rounds: 40,
  regressions: [],
  absent: missing,
  prepare: () => {
    const image = openImage(nodeHost(), [path()]);
    const whole = sessionOn(image, image.memory);
    const { littleEndian, pointerSize } = whole.kernel.memory;
    const recorded = (question: string, ask: (session: Session) => unknown, shared: Session | undefined): Question => {
      const memory = new DamagedMemory(image.memory);
      const reads = recordReads(() => {
        const session = sessionOn(image, memory, shared);
        attempt(question, () => ask(session));
      });
      return { name: question, ask, reads, frames: [...memory.read].filter((frame) => image.memory.frame(frame) !== undefined) };
    };
    const opening = recorded('opening', open, undefined);
    const all = Object.entries(questions).map(([question, ask]) => recorded(question, ask, whole));
    const light = all.filter((question) => !heavy.has(question.name));
    return {
      caseOf: (seed): FuzzCase => {
        const dice = new Dice(seed);
        const opens = dice.next(openedOnceIn) === 0;
        const one = (of: readonly Question[]): Question => of[dice.next(of.length)] ?? opening;
        const asked = one(dice.next(heavyOnceIn) === 0 ? all : light);
        const also = one(light);
        const damaged = opens ? opening : asked;
        const place: Place = { memory: new DamagedMemory(image.memory), littleEndian, pointerSize };
        const touched: Address[] = [];
        if (damaged.reads.length === 0 || dice.next(pagesOnceIn) === 0) {
          const frames = damaged.frames.length > 0 ? damaged.frames : opening.frames;
          for (let count = 1 + dice.next(3); count > 0; count--) damagePage(place, frames[dice.next(frames.length)] ?? 0, dice);
        } else {
          for (let count = 1 + dice.next(4); count > 0; count--) {
            const address = damageWord(place, damaged.reads, dice);
            if (address !== undefined) touched.push(address);
          }
        }
        const places = touched.map((address) => `0x${address.toString(16)}`).join(', ');
        return {
          input: `${opens ? 'opening, ' : ''}${asked.name}, ${also.name}; damaged: ${places === '' ? 'pages' : places}\n`,
          run: () => {
            const session = sessionOn(image, place.memory, opens ? undefined : whole);
            attempt(asked.name, () => asked.ask(session));
            attempt(also.name, () => also.ask(session));
            for (const warning of session.warnings()) assertSentence(warning);
            for (const address of touched) assertSameBytes(session, address);
          },
        };
      },
      close: () => {
        image.close();
      },
    };
  },
}));
