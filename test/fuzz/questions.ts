/** Everything that a session is asked, by name, with arguments that fit any dump. */
import { toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { SessionFace } from '../../debug-adapter/session/session-face.ts';
import { evaluate } from '../../debug-adapter/expression/evaluate.ts';
import { formatValue } from '../../debug-adapter/expression/format.ts';
import { addressOf } from '../support/dumps.ts';
import { assertPtdumpAgrees, assertSameBytes } from './agreement.ts';

/** Where kernels have something, and where none has. */
const addresses = ['0xffffffffa5a00000', '0xffff8ea000000000', '0xffff800008000000', '0xc1000000', '0x0', '0xffffffffffffffff'].map(
  addressOf,
);

const expressions = [
  'init_task',
  'init_task.comm',
  'list(&init_task.tasks, struct task_struct, tasks)',
  '*init_task.mm',
  'per_cpu(runqueues, 0)',
];

/** Processes asked about, and frames. */
const most = 3;

function pids(session: SessionFace): readonly number[] {
  return session
    .tasks()
    .filter(({ mm }) => mm !== null)
    .slice(0, most)
    .map(({ pid }) => pid);
}

export const questions: Readonly<Record<string, (session: SessionFace) => unknown>> = {
  info: (session) => session.info(),
  translate: (session) => addresses.map((address) => session.translate(address)),
  read: (session) => addresses.map((address) => session.readVirtual(address, 4096)),
  'read in two ways': (session) => {
    for (const address of addresses) assertSameBytes(session, address);
  },
  identify: (session) => addresses.map((address) => session.identify(address)),
  'identify memory': (session) => [0, 0x10_0000, 0x100_0000, 0x7ff_f000].map((address) => session.identifyPhysical(toPhysAddr(address))),
  kcore: (session) => addresses.map((address) => session.readAsKcore(address, 4096)),
  vmalloc: (session) => session.vmalloc(),
  vmallocinfo: (session) => session.vmallocinfoText(),
  tasks: (session) => session.tasks(),
  maps: (session) => pids(session).map((pid) => session.maps(pid)),
  pagemap: (session) => pids(session).map((pid) => session.pagemap(pid, {})),
  PAGEMAP_SCAN: (session) => pids(session).map((pid) => session.pagemapScan({ pid })),
  log: (session) => [session.log(), session.logText({ levels: true }), session.death()],
  stacks: (session) => [session.cpuFacts(), session.stacks({ kind: 'cpus' })],
  'stacks of tasks': (session) => session.stacks({ kind: 'all' }),
  modules: (session) => session.modules(),
  symbols: (session) => [session.findSymbols('init*', 50), addresses.map((address) => session.resolveSymbol(address))],
  spaces: (session) => session.addressSpaces(),
  table: (session) => session.tableEntries({}),
  ptdump: assertPtdumpAgrees,
  findings: (session) => session.findings({}),
  'reverse map': (session) => session.reverseMap([toPhysAddr(0x10_0000), toPhysAddr(0x200_0000)], { all: true }),
  'page categories': (session) => session.pageCategories({}),
  search: (session) => session.search({ pattern: '"Linux version"' }, {}),
  expressions: (session) => {
    const context = session.expressions(undefined, {});
    return expressions.map((text) => {
      const { value, style } = evaluate(text, context);
      return formatValue(value, context, style);
    });
  },
};
