/** All requests by name. */
import type { Handler } from './adapter.ts';
import { customHandlers } from './custom-requests.ts';
import { disassembleHandlers } from './disassemble.ts';
import { evaluationHandlers } from './evaluation.ts';
import { lifecycleHandlers } from './lifecycle.ts';
import { memoryHandlers } from './memory.ts';
import { stackHandlers } from './stack.ts';
import { variableHandlers } from './variables.ts';

export const handlers: Readonly<Record<string, Handler>> = {
  ...lifecycleHandlers,
  ...stackHandlers,
  ...variableHandlers,
  ...memoryHandlers,
  ...disassembleHandlers,
  ...evaluationHandlers,
  ...customHandlers,
};
