/** Everything that a session can be asked, asked: to compare two openings of the same memory. */
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Session } from '../../debug-adapter/session/session.ts';

export interface Asked {
  /** Addresses of the kernel that are looked at in every way. */
  readonly addresses: readonly bigint[];
  /** Physical addresses. */
  readonly frames: readonly number[];
}

type Questions = Readonly<Record<string, () => unknown>>;

/** What does not ask about memory: how a session is driven, and doors to what the questions below go through. */
export const notQuestions: readonly string[] = [
  'constructor',
  'close',
  'expressions',
  'memory',
  'pageTable',
  'name',
  'symbols',
  'types',
  'scanned',
  'written',
];

function questions(session: Session, { addresses, frames }: Asked): Questions {
  const pids = session.tasks().filter(({ mm }) => mm !== null);
  const spaces = ['kernel', ...pids.map(({ pid }) => String(pid))];
  const physical = frames.map((frame) => toPhysAddr(frame));
  const virtual = addresses.map((address) => toAddress(address));
  const areas = session.vmalloc().areas.map(({ start }) => toAddress(BigInt(start)));
  const isolated = session.addressSpaces().filter(({ userRoot }) => userRoot !== null);
  return {
    // How the memory came here differs: as a machine's RAM, or in a file.
    info: () => ({ ...session.info(), format: undefined, compression: undefined, header: undefined }),
    architecture: () => session.architecture,
    cpus: () => session.cpus.length,
    modules: () => session.modules(),
    vmcoreinfoText: () => session.vmcoreinfoText(),
    addressSpaces: () => session.addressSpaces(),
    readVirtual: () => virtual.map((address) => session.readVirtual(address, 300)),
    readVirtualInto: () =>
      virtual.map((address) => {
        const bytes = new Uint8Array(300);
        return [session.readVirtualInto(address, bytes), bytes];
      }),
    readPhysical: () => physical.map((address) => session.readPhysical(address, 300)),
    memoryPages: () => virtual.map((address) => session.memoryPages(toAddress(address - (address % 4096n)), 2, {})),
    typeLayout: () => session.typeLayout('struct vm_area_struct'),
    readAsKcore: () => [...virtual, ...areas].map((address) => session.readAsKcore(address, 64)),
    translate: () => spaces.map((mm) => virtual.map((address) => session.translate(address, mm))),
    identify: () => spaces.map((mm) => virtual.map((address) => session.identify(address, mm))),
    identifyPhysical: () => physical.map((address) => session.identifyPhysical(address)),
    ptdumpLines: () => spaces.map((mm) => session.ptdumpLines({ mm })),
    ptdump: () => [...spaces.map((mm) => session.ptdump({ mm })), ...isolated.map(({ id }) => session.ptdump({ mm: id, user: true }))],
    tableEntries: () => spaces.map((mm) => session.tableEntries({ mm })),
    reverseMap: () => session.reverseMap(physical, {}),
    search: () => session.search({ pattern: 'simulated', string: true, physical: true }, {}),
    findings: () => session.findings({}),
    pageCategories: () => session.pageCategories({}),
    vmalloc: () => session.vmalloc(),
    vmallocPart: () => session.vmallocPart({ list: 'areas', start: 1, count: 2 }),
    vmallocStream: () => {
      const { lists, free, rest } = session.vmallocStream();
      return [Object.entries(lists).map(([name, list]) => [name, [...list]]), [...free], rest()];
    },
    vmallocArea: () => areas.map((address) => session.vmallocArea(address)),
    vmallocCount: () => session.vmallocCount(),
    vmallocinfoLines: () => [...session.vmallocinfoLines()],
    vmallocPages: () => areas.map((address) => session.vmallocPages(address)),
    vmallocinfoText: () => session.vmallocinfoText(),
    tasks: () => session.tasks(),
    listed: () => (['tasks', 'addressSpaces'] as const).map((list) => Array.from(session.listed(list), ({ id }) => id)),
    searchPattern: () =>
      ['vm_map_ram', '0x1234', '"simulated"', '12 ?? 34', 'no such name'].map((pattern) => session.searchPattern({ pattern })),
    firstTasks: () => session.firstTasks(2),
    maps: () => pids.map(({ pid }) => session.maps(pid)),
    log: () => session.log(),
    logText: () => session.logText({ levels: true }),
    death: () => session.death(),
    pagemap: () => pids.map(({ pid }) => session.pagemap(pid, {})),
    pagemapScan: () => pids.map(({ pid }) => session.pagemapScan({ pid })),
    cpuFacts: () => session.cpuFacts(),
    stacks: () => session.stacks({ kind: 'all' }),
    currentTask: () => session.currentTask(0),
    findSymbols: () => session.findSymbols('vm_map_ram', 10),
    resolveSymbol: () => virtual.map((address) => session.resolveSymbol(address)),
    warnings: () => session.warnings(),
  };
}

/** Answers by question; one that cannot be given is the error's message. */
export function answersOf(session: Session, asked: Asked): ReadonlyMap<string, unknown> {
  const answers = new Map<string, unknown>();
  for (const [name, ask] of Object.entries(questions(session, asked))) {
    let answer: unknown;
    try {
      answer = ask();
    } catch (error) {
      answer = error instanceof Error ? error.message : String(error);
    }
    answers.set(name, answer);
  }
  return answers;
}
