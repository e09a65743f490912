/** How every base was found: the methods of each quantity side by side, and whether they agree. */
import * as l10n from '@vscode/l10n';
import type { InfoFacts } from '../../debug-adapter/protocol/facts.ts';

/** One method, and the value that it gives. */
export interface FoundBy {
  readonly source: string;
  /** Null where the method gives none. */
  readonly value: string | null;
  /** Whether it comes to what is used. */
  readonly agrees: boolean;
  readonly note: string | null;
}

/** A base of the address space, and all ways in which it was found. */
export interface FoundQuantity {
  readonly name: string;
  /** What is used. */
  readonly value: string;
  /** What gave it. */
  readonly methods: readonly FoundBy[];
  /** What else could have, and what it comes to. */
  readonly others: readonly FoundBy[];
}

/** The kernel's own names, where it has one. */
const names: Readonly<Record<string, string>> = {
  physBase: 'phys_base',
  pageOffset: 'page_offset_base',
  vmallocBase: 'vmalloc_base',
  vmemmapBase: 'vmemmap_base',
  kaslrOffset: 'KASLR offset',
  pagingLevels: 'paging levels',
};
/** The kernel's names of x86-64 alone: elsewhere the same quantities are constants or have other names. */
const onlyX8664 = new Set(['pageOffset', 'vmallocBase', 'vmemmapBase']);

/** Every quantity that was found in any way, in the order of the evidence. */
export function foundQuantities(info: InfoFacts): FoundQuantity[] {
  const quantities = [...new Set(info.evidence.map(({ quantity }) => quantity))];
  return quantities.map((quantity) => {
    const evidence = info.evidence.filter((one) => one.quantity === quantity);
    const used = (quantity === 'pageOffset' ? info.pageOffset : null) ?? evidence[0]?.value ?? '';
    const methods = evidence.map(({ source, value }): FoundBy => ({
      source,
      value: valueText(quantity, value),
      agrees: value === used,
      note: null,
    }));
    const others = quantity === 'pageOffset' ? otherMethods(info, new Set(evidence.map(({ source }) => source))) : [];
    return { name: nameOf(quantity, info), value: valueText(quantity, used), methods, others };
  });
}

function otherMethods({ pageOffsetMethods }: InfoFacts, told: ReadonlySet<string>): FoundBy[] {
  return pageOffsetMethods
    .filter(({ method }) => !told.has(method))
    .map(({ method, value, agrees, note }) => ({ source: method, value, agrees: agrees === true, note }));
}

/** Whether the methods of one quantity come to the same. */
export function agreementOf({ methods }: FoundQuantity): 'alone' | 'agree' | 'differ' {
  if (methods.length < 2) return 'alone';
  return methods.every(({ agrees }) => agrees) ? 'agree' : 'differ';
}

/** Whether its methods agree, in words. */
export function agreementText(quantity: FoundQuantity): string {
  switch (agreementOf(quantity)) {
    case 'alone':
      return l10n.t('one method');
    case 'agree':
      return l10n.t('{0} agree', quantity.methods.length);
    case 'differ':
      return l10n.t('they differ');
  }
}

function nameOf(quantity: string, { architecture }: InfoFacts): string {
  const named = onlyX8664.has(quantity) && architecture !== 'x86-64' ? undefined : names[quantity];
  return named ?? quantity.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function valueText(quantity: string, value: string): string {
  return quantity === 'pagingLevels' ? String(Number(value)) : value;
}
