/** Pagewalk's own requests (protocol/requests.ts): the facts that the views show. */
import { limits } from '../base/limits.ts';
import * as v from 'valibot';
import type { PagewalkPartRequests, PagewalkRequestName, PagewalkRequests, PtdumpLine } from '../protocol/requests.ts';
import type { Adapter, Answer, Call, Handler } from './adapter.ts';
import { atMost, check, hexSchema, physicalSchema } from './check.ts';
import { membersChosen } from './choose-members.ts';
import { explain } from './explain.ts';
import { findings } from './findings.ts';
import { addressSpacesOf, listCount, tasksOf, vmallocAreas, vmallocCount } from './long-lists.ts';
import { kcoreSchema, readAsKcore } from './read-as-kcore.ts';
import { memoryPages, typeLayout } from './memory-pages.ts';
import { pageCategories } from './page-categories.ts';
import { pagemapScan } from './pagemap-scan.ts';
import { linesOf, otherSchema, ptdumpDiff } from './ptdump-diff.ts';
import { reverseMap } from './reverse-map.ts';
import { changes, snapshot, watch } from './scenario-moments.ts';
import { problemsOf } from './scenario-problems.ts';
import { search, searchPattern } from './search.ts';

type Body<Name extends PagewalkRequestName> =
  PagewalkRequests[Name]['body'] | (Name extends keyof PagewalkPartRequests ? PagewalkPartRequests[Name]['body'] : never);
type Bodies = {
  readonly [Name in PagewalkRequestName]: (adapter: Adapter, parameters: unknown, call: Call) => Body<Name> | Promise<Body<Name>>;
};

const mm = v.optional(v.string());
const addressesSchema = v.looseObject({
  addresses: v.pipe(
    v.array(hexSchema),
    atMost(() => limits.askedAddresses, 'addresses at once'),
  ),
  mm,
});
const physicalAddressesSchema = v.looseObject({
  addresses: v.pipe(
    v.array(physicalSchema),
    atMost(() => limits.askedAddresses, 'addresses at once'),
  ),
});
const tableSchema = v.looseObject({
  mm,
  user: v.optional(v.boolean()),
  tableAddress: v.optional(v.string()),
  level: v.optional(v.string()),
  virtualBase: v.optional(v.string()),
});
const ptdumpSchema = v.looseObject({
  mm,
  moment: v.optional(v.string()),
  other: otherSchema,
  user: v.optional(v.boolean()),
  range: v.optional(v.object({ start: hexSchema, end: hexSchema })),
  start: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
});
const processSchema = v.looseObject({ pid: v.pipe(v.number(), v.integer(), v.minValue(0)) });
const pagemapSchema = v.looseObject({ ...processSchema.entries, start: hexSchema, end: hexSchema });
const logSchema = v.looseObject({ levels: v.optional(v.boolean(), false) });
const addressSchema = v.looseObject({ address: hexSchema });

/** The lines of the last dump asked for: a panel pages through them. */
const lastDump = new WeakMap<Adapter, { key: string; lines: readonly PtdumpLine[] }>();

const bodies: Bodies = {
  'pagewalk/chooseMembers': membersChosen,
  'pagewalk/info': (adapter) => adapter.session.info(),
  'pagewalk/identify': (adapter, parameters) => {
    const { physical } = check(v.looseObject({ physical: v.optional(v.boolean(), false) }), parameters);
    if (physical)
      return { results: check(physicalAddressesSchema, parameters).addresses.map((address) => adapter.session.identifyPhysical(address)) };
    const asked = check(addressesSchema, parameters);
    return { results: asked.addresses.map((address) => adapter.session.identify(address, asked.mm ?? adapter.mm)) };
  },
  'pagewalk/translate': (adapter, parameters) => {
    const asked = check(addressesSchema, parameters);
    return { results: asked.addresses.map((address) => adapter.session.translate(address, asked.mm ?? adapter.mm)) };
  },
  'pagewalk/explain': explain,
  'pagewalk/tableEntries': (adapter, parameters) => {
    const asked = check(tableSchema, parameters);
    return adapter.session.tableEntries({ ...asked, mm: asked.mm ?? adapter.mm });
  },
  'pagewalk/ptdump': (adapter, parameters) => {
    const asked = check(ptdumpSchema, parameters);
    const { other, moment } = asked;
    const what = { mm: asked.mm ?? (other === undefined ? adapter.mm : undefined), user: asked.user === true, range: asked.range };
    const key = `${adapter.version} ${JSON.stringify(moment)} ${JSON.stringify(other)} ${what.mm ?? ''} ${String(what.user)} ${String(what.range?.start)} ${String(what.range?.end)}`;
    let dump = lastDump.get(adapter);
    if (dump?.key !== key) {
      dump = { key, lines: linesOf(adapter, { other, moment }, what) };
      lastDump.set(adapter, dump);
    }
    const count = asked.count ?? dump.lines.length;
    return { total: dump.lines.length, start: asked.start, lines: dump.lines.slice(asked.start, asked.start + count) };
  },
  'pagewalk/ptdumpDiff': ptdumpDiff,
  'pagewalk/reverseMap': reverseMap,
  'pagewalk/search': search,
  'pagewalk/searchPattern': searchPattern,
  'pagewalk/findings': findings,
  'pagewalk/tasks': tasksOf,
  'pagewalk/listCount': listCount,
  'pagewalk/maps': (adapter, parameters) => adapter.session.maps(check(processSchema, parameters).pid),
  'pagewalk/pageCategories': pageCategories,
  'pagewalk/pagemap': (adapter, parameters) => {
    const { pid, start, end } = check(pagemapSchema, parameters);
    return adapter.session.pagemap(pid, { range: { start, end } });
  },
  'pagewalk/pagemapScan': pagemapScan,
  'pagewalk/log': (adapter, parameters) => {
    const { levels } = check(logSchema, parameters);
    return { text: adapter.session.logText({ levels }), death: adapter.session.death() };
  },
  'pagewalk/vmallocAreas': vmallocAreas,
  'pagewalk/vmallocCount': vmallocCount,
  'pagewalk/vmallocPages': (adapter, parameters) => adapter.session.vmallocPages(check(addressSchema, parameters).address),
  'pagewalk/readAsKcore': (adapter, parameters) => readAsKcore(adapter, check(kcoreSchema, parameters)),
  'pagewalk/memoryPages': memoryPages,
  'pagewalk/typeLayout': typeLayout,
  'pagewalk/changes': changes,
  'pagewalk/snapshot': snapshot,
  'pagewalk/watch': watch,
  'pagewalk/scenarioProblems': problemsOf,
  'pagewalk/addressSpaces': addressSpacesOf,
};

/** Handlers of Pagewalk's own requests (protocol/requests.ts) by name. */
export const customHandlers: Readonly<Record<string, Handler>> = Object.fromEntries(
  Object.entries(bodies).map(([name, body]) => [
    name,
    (adapter: Adapter, parameters: unknown, call: Call): Answer | Promise<Answer> => {
      const answered = body(adapter, parameters, call);
      return answered instanceof Promise ? answered.then((promised) => ({ body: promised })) : { body: answered };
    },
  ]),
);
