import { formatAddress } from '../base/address.ts';
import type { Translation } from '../pagetable/translation.ts';
import type { TranslationFacts } from '../protocol/facts.ts';

/** A walk in the shape of `vtop --json`. */
export function translationFacts(walk: Translation): TranslationFacts {
  const { effective } = walk;
  return {
    virtual: formatAddress(walk.virtual),
    physical: walk.physical === undefined ? null : formatAddress(walk.physical),
    pageSize: walk.pageSize,
    levels: walk.levels.map((level) => ({
      level: level.level,
      tableAddress: formatAddress(level.tableAddress),
      index: level.index,
      entryAddress: formatAddress(level.entryAddress),
      entry: formatAddress(level.entry),
      flags: level.flags,
      leaf: level.leaf,
    })),
    reason: walk.reason?.message ?? null,
    effective:
      effective === undefined
        ? null
        : {
            write: effective.write,
            execute: effective.execute,
            user: effective.user,
            writeLostAt: effective.writeLostAt ?? null,
            executeLostAt: effective.executeLostAt ?? null,
            userLostAt: effective.userLostAt ?? null,
          },
    cacheType: walk.cacheType ?? null,
  };
}
