/** Breakpoints of a scenario: on lines, functions, data and failures. */
import { limits } from '../base/limits.ts';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { parseAddress } from '../base/address.ts';
import { errors, UserError } from '../base/errors.ts';
import type { PlacedBreakpoint } from '../session/scenario-breakpoints.ts';
import { exceptionFilters } from '../session/scenario-stop.ts';
import type { WatchWish } from '../session/scenario-watch.ts';
import type { Adapter, Answer, Handler } from './adapter.ts';
import { atMost, check } from './check.ts';
import { frameIndex, scenarioOf } from './scenario-session.ts';
import type { ScenarioSession } from './scenario-session.ts';

const wishes = {
  condition: v.optional(v.string()),
  hitCondition: v.optional(v.string()),
  logMessage: v.optional(v.string()),
};
const list = <Entry extends v.GenericSchema>(entry: Entry) =>
  v.optional(
    v.pipe(
      v.array(entry),
      atMost(() => limits.breakpoints, 'breakpoints'),
    ),
    [],
  );
const linesSchema = v.looseObject({
  source: v.looseObject({ path: v.optional(v.string()) }),
  breakpoints: list(v.looseObject({ line: v.number(), ...wishes })),
});
const functionsSchema = v.looseObject({ breakpoints: list(v.looseObject({ name: v.string(), ...wishes })) });
const dataSchema = v.looseObject({ breakpoints: list(v.looseObject({ dataId: v.string(), ...wishes })) });
const filtersSchema = v.looseObject({ filters: v.optional(v.array(v.string()), []) });

/** What was set last, to be set again where the run begins anew. */
const lastSet = new WeakMap<ScenarioSession, Map<string, () => Promise<unknown>>>();

function remember<Result>(scenario: ScenarioSession, kind: string, set: () => Promise<Result>): Promise<Result> {
  const known = lastSet.get(scenario) ?? new Map<string, () => Promise<unknown>>();
  lastSet.set(scenario, known.set(kind, set));
  return set();
}

/** Sets all breakpoints of the run before. */
export async function setAgain(scenario: ScenarioSession): Promise<void> {
  for (const set of lastSet.get(scenario)?.values() ?? []) await set();
}

async function setBreakpoints(adapter: Adapter, parameters: unknown): Promise<Answer> {
  const scenario = scenarioOf(adapter);
  const { source, breakpoints } = check(linesSchema, parameters);
  if (!isSameFile(source.path, scenario.path)) {
    return { body: { breakpoints: breakpoints.map(() => ({ verified: false, message: 'This file is not the scenario that runs' })) } };
  }
  const wanted = breakpoints.map((one) => ({ ...one, line: scenario.fromClient(one.line) }));
  const placed = await remember(scenario, 'lines', () => scenario.debugger.breakpoints.setLines(wanted));
  return { body: { breakpoints: placed.map((one) => told(scenario, one)) } };
}

/** A client may write the same path with other separators, or its drive's letter otherwise. */
function isSameFile(one: string | undefined, other: string): boolean {
  const plain = (path: string): string => path.replaceAll('\\', '/').replace(/^[A-Za-z]:/, (drive) => drive.toLowerCase());
  return one !== undefined && plain(one) === plain(other);
}

function told(scenario: ScenarioSession, { id, line, problem }: PlacedBreakpoint): DebugProtocol.Breakpoint {
  return {
    id,
    verified: problem === undefined,
    ...(line === undefined ? {} : { line: scenario.toClient(line), source: scenario.source }),
    ...(problem === undefined ? {} : { message: problem }),
  };
}

async function setFunctionBreakpoints(adapter: Adapter, parameters: unknown): Promise<Answer> {
  const scenario = scenarioOf(adapter);
  const { breakpoints } = check(functionsSchema, parameters);
  const placed = await remember(scenario, 'functions', () => scenario.debugger.breakpoints.setFunctions(breakpoints));
  return { body: { breakpoints: placed.map((one) => told(scenario, one)) } };
}

function setExceptionBreakpoints(adapter: Adapter, parameters: unknown): Answer {
  const scenario = scenarioOf(adapter);
  const { filters } = check(filtersSchema, parameters);
  const set = (): Promise<void> => {
    if (!scenario.noDebug) scenario.debugger.exceptionFilters = filters;
    return Promise.resolve();
  };
  void remember(scenario, 'filters', set);
  return { body: { breakpoints: filters.map((filter) => ({ verified: exceptionFilters.some((one) => one.filter === filter) })) } };
}

async function setDataBreakpoints(adapter: Adapter, parameters: unknown): Promise<Answer> {
  const scenario = scenarioOf(adapter);
  const { breakpoints } = check(dataSchema, parameters);
  const wanted = breakpoints.map((one) => ({ wishes: one, watch: wishOfId(one.dataId) }));
  const placed = await remember(scenario, 'data', () => scenario.debugger.setDataBreakpoints(wanted));
  return { body: { breakpoints: placed.map((one) => told(scenario, one)) } };
}

function breakpointLocations(adapter: Adapter, parameters: unknown): Answer {
  const scenario = scenarioOf(adapter);
  const asked = check(v.looseObject({ line: v.number(), endLine: v.optional(v.number()) }), parameters);
  const lines = scenario.debugger.statementLines(scenario.fromClient(asked.line), scenario.fromClient(asked.endLine ?? asked.line));
  return { body: { breakpoints: lines.map((line) => ({ line: scenario.toClient(line) })) } };
}

const infoSchema = v.looseObject({
  variablesReference: v.optional(v.number()),
  name: v.string(),
  frameId: v.optional(v.number()),
  bytes: v.optional(v.number()),
  asAddress: v.optional(v.boolean(), false),
});

async function dataBreakpointInfo(adapter: Adapter, parameters: unknown): Promise<Answer> {
  const scenario = scenarioOf(adapter);
  const asked = check(infoSchema, parameters);
  try {
    const wish = await wishOf(adapter, asked);
    const { label } = scenario.debugger.watches.make(wish);
    const dataId = JSON.stringify({ ...wish, address: `0x${wish.address.toString(16)}` });
    return { body: { dataId, description: label, accessTypes: ['write'], canPersist: true } };
  } catch (error) {
    if (error instanceof UserError) return { body: { dataId: null, description: error.message } };
    throw error;
  }
}

const words =
  /^(?:(?<kind>physical|phys|virtual|entry|pgd|p4d|pud|pmd|pte)\s+(?:entry\s+)?(?:of\s+)?)?(?<from>0x[0-9a-f]+)(?:\s*(?:\.\.|-)\s*(?<to>0x[0-9a-f]+))?$/i;

/** A variable's memory, an address, a range, `physical ADDRESS`, `pte ADDRESS`, or an expression that gives an address. */
async function wishOf(adapter: Adapter, asked: v.InferOutput<typeof infoSchema>): Promise<WatchWish> {
  const scenario = scenarioOf(adapter);
  const pointer = adapter.session.memory(adapter.mm).pointerSize;
  const wish = (address: bigint | undefined, kind: WatchWish['kind'], length = asked.bytes ?? pointer): WatchWish => {
    if (address === undefined) throw errors.badArgument(`${asked.name} is no address`);
    return { kind, address, length, mm: adapter.mm, level: undefined };
  };
  if (asked.variablesReference !== undefined && asked.variablesReference !== 0) {
    const rows = adapter.node(asked.variablesReference).children({ start: 0, count: Number.MAX_SAFE_INTEGER });
    const reference = rows.find(({ name }) => name === asked.name)?.memoryReference;
    if (reference === undefined) throw errors.badArgument(`${asked.name} has no place in memory`);
    const isPhysical = ['entryAddress', 'tableAddress', 'physical', 'target'].includes(asked.name);
    return wish(parseAddress(reference), isPhysical ? 'physical' : 'virtual');
  }
  const groups = words.exec(asked.name.trim())?.groups;
  const from = parseAddress(groups?.['from'] ?? '');
  if (from !== undefined) {
    const kind = groups?.['kind']?.toLowerCase() ?? 'virtual';
    const to = groups?.['to'] === undefined ? undefined : parseAddress(groups['to']);
    if (to !== undefined && to <= from) throw errors.badArgument(`the range ${asked.name} ends before it begins`);
    const length = to === undefined ? undefined : Number(to - from);
    if (kind === 'virtual') return wish(from, 'virtual', length);
    if (kind.startsWith('phys')) return wish(from, 'physical', length);
    return { ...wish(from, 'entry'), level: kind === 'entry' ? undefined : kind };
  }
  const frame = asked.frameId === undefined ? 0 : frameIndex(scenario, asked.frameId);
  const { address } = await scenario.debugger.evaluate(asked.name, { frame });
  return wish(parseAddress(address ?? ''), 'virtual');
}

const idSchema = v.object({
  kind: v.picklist(['virtual', 'physical', 'entry']),
  address: v.string(),
  length: v.number(),
  mm: v.optional(v.string()),
  level: v.optional(v.string()),
});

/** The wish behind a data id, which clients keep from one session to the next; undefined for what is none. */
function wishOfId(dataId: string): WatchWish | undefined {
  try {
    const { kind, address, length, mm, level } = v.parse(idSchema, JSON.parse(dataId));
    const at = parseAddress(address);
    return at === undefined ? undefined : { kind, address: at, length, mm, level };
  } catch {
    return undefined;
  }
}

/** Handle breakpoints of a scenario: on lines, operations, failures and memory. */
export const breakpointHandlers: Readonly<Record<string, Handler>> = {
  setBreakpoints,
  setFunctionBreakpoints,
  setExceptionBreakpoints,
  setDataBreakpoints,
  dataBreakpointInfo,
  breakpointLocations,
};
