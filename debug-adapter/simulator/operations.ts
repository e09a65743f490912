/** All operations, in the order in which they are documented. */
import type { OperationSpec } from './operation.ts';

export const operationList: readonly OperationSpec[] = [];
