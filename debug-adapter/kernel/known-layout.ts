/** Layouts of structs that VMCOREINFO tells too, so that they are known without type information. */
import { locateMember } from '../symbols/type-layout.ts';
import type { Kernel } from './kernel.ts';

/** Byte offset of a member, by VMCOREINFO or the types; undefined where neither knows it. */
export function memberOffset(kernel: Kernel, struct: string, member: string): number | undefined {
  const told = kernel.vmcoreinfo?.offset(`${struct}.${member}`);
  if (told !== undefined) return told;
  const type = kernel.types?.struct(struct);
  return type === undefined ? undefined : locateMember(type, member)?.offset;
}

/** Bytes of a struct, by VMCOREINFO or the types. */
export function structSize(kernel: Kernel, struct: string): number | undefined {
  return kernel.vmcoreinfo?.size(struct) ?? kernel.types?.struct(struct)?.size;
}
