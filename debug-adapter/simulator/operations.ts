/** All operations, in the order in which they are documented. */
import type { OperationSpec } from './operation.ts';
import { vmallocOperations } from './operations-vmalloc.ts';

export const operationList: readonly OperationSpec[] = [...vmallocOperations];
