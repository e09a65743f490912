/** Where a scenario stands: its thread, frames, scopes, and the failure that it stopped at. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { errors } from '../base/errors.ts';
import type { ValueView } from '../session/scenario-stop.ts';
import type { Adapter, Answer, Handler, VariableNode } from './adapter.ts';
import { check } from './check.ts';
import { listNode, pagedNode, recordNode, row } from './nodes.ts';
import { changes } from './scenario-moments.ts';
import { frameIndex, scenarioOf, scenarioThread } from './scenario-session.ts';
import { imageScopes } from './variables.ts';

function threads(adapter: Adapter): Answer {
  return { body: { threads: [{ id: scenarioThread, name: scenarioOf(adapter).source.name }] } };
}

function stackTrace(adapter: Adapter, parameters: unknown): Answer {
  const scenario = scenarioOf(adapter);
  const asked = check(
    v.looseObject({ threadId: v.number(), startFrame: v.optional(v.number(), 0), levels: v.optional(v.number(), 0) }),
    parameters,
  );
  const frames = scenario.debugger.frames();
  const start = Math.max(0, asked.startFrame);
  const end = asked.levels > 0 ? start + asked.levels : frames.length;
  const columns = adapter.client?.columnsStartAt1 === false ? 0 : 1;
  const { stop } = scenario.debugger;
  const stackFrames = frames.slice(start, end).map(({ name, range }, index): DebugProtocol.StackFrame => ({
    id: start + index + 1,
    name,
    source: scenario.source,
    line: scenario.toClient(range.start.line),
    column: range.start.character + columns,
    ...(stop.kind === 'end' ? {} : { endLine: scenario.toClient(range.end.line), endColumn: range.end.character + columns }),
    canRestart: true,
  }));
  return { body: { stackFrames, totalFrames: frames.length } };
}

/** Values of the language as rows. */
export function viewRow(adapter: Adapter, key: string, view: ValueView): DebugProtocol.Variable {
  const { children } = view;
  const inside = typeof children === 'function';
  return row(view.name, view.text, {
    type: view.type,
    ...(view.address === undefined ? {} : { memoryReference: view.address }),
    variablesReference: inside ? adapter.reference(key, viewsNode(adapter, key, children)) : 0,
  });
}

function viewsNode(adapter: Adapter, key: string, read: () => readonly ValueView[]): VariableNode {
  return { children: (page) => pagedNode(read(), (view) => viewRow(adapter, `${key}.${view.name}`, view)).children(page) };
}

/** The scope of the scenario's own variables: these can be set. */
export const variablesKey = 'scenario variables';

function scopes(adapter: Adapter, parameters: unknown): Answer {
  const scenario = scenarioOf(adapter);
  const index = frameIndex(scenario, check(v.looseObject({ frameId: v.number() }), parameters).frameId);
  const run = scenario.debugger;
  const scope = (name: string, key: string, node: VariableNode, expensive = false): DebugProtocol.Scope => ({
    name,
    variablesReference: adapter.reference(key, node),
    expensive,
  });
  const frame = run.frames()[index];
  const argumentsKey = `arguments ${index}`;
  const own: DebugProtocol.Scope[] =
    frame?.kind === 'call'
      ? [
          {
            ...scope(
              'Arguments',
              argumentsKey,
              viewsNode(adapter, argumentsKey, () => run.arguments(index)),
            ),
            presentationHint: 'arguments',
          },
        ]
      : [];
  return {
    body: {
      scopes: [
        ...own,
        {
          ...scope('Variables', variablesKey, evaluable(viewsNode(adapter, variablesKey, () => run.variables()))),
          presentationHint: 'locals',
        },
        scope('Processes', 'scenario processes', processesNode(adapter), true),
        scope(
          'Changed since the last stop',
          'scenario changes',
          recordNode(adapter, 'scenario changes', () => changedRecord(adapter)),
          true,
        ),
        ...imageScopes(adapter).map(({ name, node }) => scope(name === 'Image' ? 'Machine' : name, name, node, true)),
      ],
    },
  };
}

/** What stands in the scope of variables can be asked for by name. */
function evaluable(node: VariableNode): VariableNode {
  return { children: (page) => node.children(page).map((one) => ({ ...one, evaluateName: one.name })) };
}

function processesNode(adapter: Adapter): VariableNode {
  return listNode(adapter, 'Processes', {
    read: (part) => adapter.session.tasks(part),
    make: (task) => {
      const key = `process ${task.pid}`;
      const node = recordNode(adapter, key, () => ({ ...task, areas: task.mm === null ? null : adapter.session.maps(task.pid).areas }));
      return row(String(task.pid), task.comm, { variablesReference: adapter.reference(key, node) });
    },
  });
}

function changedRecord(adapter: Adapter): Record<string, unknown> {
  const { since, bytes, ranges, entries } = changes(adapter, {});
  return {
    since: since ?? 'the start',
    bytes,
    entries: Object.fromEntries(
      entries.map((entry) => [
        `${entry.level} ${entry.start}`,
        { summary: `${entry.before} → ${entry.after} ${entry.flags.join(' ')}`, ...entry },
      ]),
    ),
    physical: ranges.map(({ start, end }) => `${start}-${end}`),
  };
}

function exceptionInfo(adapter: Adapter): Answer {
  const exception = scenarioOf(adapter).debugger.exception();
  if (exception === undefined) throw errors.badArgument('the scenario has not failed');
  const { id, message, report, filter } = exception;
  const body: DebugProtocol.ExceptionInfoResponse['body'] = {
    exceptionId: id,
    description: message,
    breakMode: 'always',
    details: { message, typeName: filter, stackTrace: report },
  };
  return { body };
}

/** Handle the one thread of a scenario: its statement, and the kernel operations that it is in. */
export const stackHandlers: Readonly<Record<string, Handler>> = { threads, stackTrace, scopes, exceptionInfo };
