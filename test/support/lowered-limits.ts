/** Bounds made so low that small input exceeds them. */
import { limits } from '../../debug-adapter/base/limits.ts';

type Bounds = { readonly [Name in keyof typeof limits]?: (typeof limits)[Name] extends number ? number : unknown };

/** Runs `use` under these bounds; the others stay, and all are as before afterwards. */
export async function underLimits<Result>(bounds: Bounds, use: () => Result | Promise<Result>): Promise<Result> {
  const table: Record<string, unknown> = limits;
  const before = { ...table };
  Object.assign(table, bounds);
  try {
    return await use();
  } finally {
    Object.assign(table, before);
  }
}
