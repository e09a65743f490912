/** All operations, in the order in which they are documented. */
import type { OperationSpec } from './operation.ts';
import { fileOperations } from './operations-file.ts';
import { kcoreOperations } from './operations-kcore.ts';
import { memoryOperations } from './operations-memory.ts';
import { tableOperations } from './operations-tables.ts';
import { processOperations } from './operations-process.ts';
import { vmallocOperations } from './operations-vmalloc.ts';

/** Every operation of a machine; completion, hovers and the language's documentation are made of this list. */
export const operationList: readonly OperationSpec[] = [
  ...vmallocOperations,
  ...processOperations,
  ...fileOperations,
  ...memoryOperations,
  ...tableOperations,
  ...kcoreOperations,
];
