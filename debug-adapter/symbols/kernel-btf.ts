/** Where the kernel's BTF lies: between __start_BTF and __stop_BTF (include/asm-generic/vmlinux.lds.h). */
import { formatAddress } from '../base/address.ts';
import { limits } from '../base/limits.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { SymbolTable } from './symbol-table.ts';

/**
 * The bytes of the kernel's BTF section (at most `limits.btfBytes`), or in a sentence why there are none: no symbols, none
 * built in, or a page that is missing.
 */
export function findKernelBtf(memory: AddressSpace, symbols: SymbolTable): { readonly bytes: Uint8Array } | { readonly problem: string } {
  const start = symbols.find('__start_BTF')?.address;
  const end = symbols.find('__stop_BTF')?.address;
  if (symbols.count === 0) return { problem: 'without symbols the BTF section cannot be found' };
  if (start === undefined || end === undefined) return { problem: 'the kernel was built without BTF (CONFIG_DEBUG_INFO_BTF)' };
  const length = Number(end - start);
  if (length <= 0 || length > limits.btfBytes) return { problem: `the BTF section claims ${length} bytes` };
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += limits.readBytes) {
    const part = memory.read((start + BigInt(at)) as typeof start, Math.min(limits.readBytes, length - at));
    const hole = part.holes[0];
    if (hole !== undefined) {
      return { problem: `the BTF section cannot be read at ${formatAddress(start + BigInt(at + hole.offset))} (${hole.reason.message})` };
    }
    bytes.set(part.bytes, at);
  }
  return { bytes };
}
