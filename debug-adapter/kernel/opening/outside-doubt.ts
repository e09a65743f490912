/**
 * Whether names and types from files are this kernel's: VMCOREINFO tells where some symbols are and how large some structs
 * (kernel/vmcore_info.c, mm/), and another kernel has them elsewhere.
 */
import { formatAddress } from '../../base/address.ts';
import type { SymbolTable } from '../../symbols/symbol-table.ts';
import { locateMember } from '../../symbols/type-layout.ts';
import type { TypeTable } from '../../symbols/types.ts';
import type { Vmcoreinfo } from '../../symbols/vmcoreinfo.ts';

/** The symbol by which a file's addresses are moved to where the kernel ran: it always agrees. */
const anchor = '_stext';

/**
 * Why these symbols are another kernel's, or undefined. Some keys hold the value of a variable in place of its address
 * (VMCOREINFO_SYMBOL_ARRAY of a pointer, mem_section), so most must differ.
 */
export function symbolDoubt(symbols: SymbolTable, info: Vmcoreinfo | undefined): string | undefined {
  let agreeing = 0;
  const differing: string[] = [];
  for (const [name = ''] of namesUnder(info, 'SYMBOL')) {
    const told = info?.symbol(name);
    const found = name === anchor ? [] : symbols.findAll(name);
    const [first] = found;
    if (told === undefined || first === undefined) continue;
    if (found.some(({ address }) => address === told)) agreeing++;
    else differing.push(`${name} at ${formatAddress(first.address)}, where VMCOREINFO has ${formatAddress(told)}`);
  }
  return differing.length > agreeing ? `${symbols.source} is another kernel's: it has ${differing[0] ?? ''}` : undefined;
}

/** Why these types are another kernel's, or undefined: a struct of another size, or a member in another place. */
export function typeDoubt(types: TypeTable, info: Vmcoreinfo | undefined): string | undefined {
  const differs = (what: string, found: number | undefined, told: number | undefined): string | undefined =>
    found === undefined || told === undefined || found === told
      ? undefined
      : `${types.source} is another kernel's: it has ${what} ${found}, where VMCOREINFO has ${told}`;
  for (const [name = ''] of namesUnder(info, 'SIZE')) {
    const doubt = differs(`struct ${name} with a size of`, types.struct(name)?.size, info?.size(name));
    if (doubt !== undefined) return doubt;
  }
  for (const [name = '', member = ''] of namesUnder(info, 'OFFSET')) {
    const struct = types.struct(name);
    const found = struct === undefined ? undefined : locateMember(struct, member)?.offset;
    const doubt = differs(`${name}.${member} at offset`, found, info?.offset(`${name}.${member}`));
    if (doubt !== undefined) return doubt;
  }
  return undefined;
}

/** The names in the keys `KIND(name)` of the note; those with a dot in two parts. */
function namesUnder(info: Vmcoreinfo | undefined, kind: string): string[][] {
  return (info?.keys ?? []).flatMap((key) => {
    const [, name, member] = /^[A-Z]+\(([^.)]+)(?:\.(.+))?\)$/.exec(key) ?? [];
    if (name === undefined || !key.startsWith(`${kind}(`)) return [];
    return [member === undefined ? [name] : [name, member]];
  });
}
