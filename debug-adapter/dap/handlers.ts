/** All requests by name. */
import type { Adapter, Handler } from './adapter.ts';
import { customHandlers } from './custom-requests.ts';
import { disassembleHandlers } from './disassemble.ts';
import { evaluationHandlers } from './evaluation.ts';
import { lifecycleHandlers } from './lifecycle.ts';
import { memoryHandlers } from './memory.ts';
import { scenarioHandlers } from './scenario-handlers.ts';
import { stackHandlers } from './stack.ts';
import { variableHandlers } from './variables.ts';
import { writeHandlers } from './write-memory.ts';

/** What a dump's session answers, by the request's name; a scenario's own come before these (scenario-handlers.ts). */
export const handlers: Readonly<Record<string, Handler>> = {
  ...lifecycleHandlers,
  ...stackHandlers,
  ...variableHandlers,
  ...memoryHandlers,
  ...writeHandlers,
  ...disassembleHandlers,
  ...evaluationHandlers,
  ...customHandlers,
};

/** Who answers a request in this session; undefined for one that nobody does. */
export function handlerOf({ scenario }: Adapter, command: string): Handler | undefined {
  if (scenario !== undefined && Object.hasOwn(scenarioHandlers, command)) return scenarioHandlers[command];
  return Object.hasOwn(handlers, command) ? handlers[command] : undefined;
}
