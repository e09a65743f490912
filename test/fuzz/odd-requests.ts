/** Requests of every name, with arguments of every kind. */
import { handlers } from '../../debug-adapter/dap/handlers.ts';
import { fc } from '../support/properties.ts';

export const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, 1, 2, -1, 1.5, 2 ** 53, 1e300));
export const text = fc.oneof(
  fc.string(),
  fc.constantFrom('', '0x', '0xffffffffffffffff', 'init_task', '$rip', '.', 'vtop(', 'kernel', '1'),
);
export const anything = fc.oneof(
  number,
  text,
  fc.boolean(),
  fc.constant(null),
  fc.array(text, { maxLength: 3 }),
  fc.dictionary(text, number),
);
const fields = [
  ...['threadId', 'frameId', 'variablesReference', 'sourceReference', 'start', 'count', 'startFrame', 'levels', 'offset', 'column'],
  ...['memoryReference', 'expression', 'context', 'text', 'addresses', 'mm', 'range', 'tableAddress', 'level', 'virtualBase', 'user'],
  ...['breakpoints', 'requestId', 'startModule', 'moduleCount', 'filter', 'line', 'image', 'scenario', 'pattern', 'limit', 'pid', 'data'],
];
const oddArguments = fc.oneof(anything, fc.dictionary(fc.constantFrom(...fields), anything, { maxKeys: 6 }));
/** Everything but what ends the session, which would make the rest trivial. */
const requestNames = [...Object.keys(handlers), 'cancel', 'attach', 'toString', '__proto__', 'constructor', ''].filter(
  (name) => name !== 'disconnect',
);
export const request = fc.tuple(fc.constantFrom(...requestNames), oddArguments);
