/** What a scenario may ask about its machine: the questions that are asked of a dump, answered by the same code. */
import type { Address } from '../base/address.ts';
import type { OperationValue } from '../simulator/operation.ts';

/** Whose address space: a process's, by its PID, the firmware's (efi_mm), or the kernel's. */
export type ScenarioSpace = bigint | 'efi' | undefined;

/** Asks of the machine as it is when asked. */
export interface ScenarioEngine {
  /** All throw `UserError` for what cannot be answered. */
  vtop(address: Address, space: ScenarioSpace): OperationValue;
  /** What an address is: `kind`, `summary`, and the `details` of every subject that knows it. */
  identify(address: Address, space: ScenarioSpace): OperationValue;
  /** `length` bytes as a hexadecimal text, two digits a byte, `??` where memory is missing. */
  read(address: Address, length: number, space: ScenarioSpace): string;
  /** The page-table dump, a text a line; `user`: of the half that user mode has under page-table isolation. */
  ptdump(space: ScenarioSpace, user?: boolean): readonly string[];
  /** /proc/vmallocinfo, a text a line. */
  vmallocinfo(): readonly string[];
  /** What is wrong in the page tables and the vmalloc space, a sentence each. */
  check(): readonly string[];
  /** The text of VMCOREINFO. */
  vmcoreinfo(): string;
  /** What each way to find page_offset_base gives, as `pagewalk info` lists them. */
  pageOffsetMethods(): OperationValue;
  /** Addresses that hold a pattern, as `pagewalk search` finds them; at most `limit`. */
  search(pattern: string, space: ScenarioSpace, limit: number): OperationValue;
  /** A C expression. */
  evaluate(expression: string, space: ScenarioSpace): OperationValue;
  /** Page-table dump regions that differ; `before` and `after` bring the machine to the moments that are compared. */
  diff(moments: { readonly before: () => void; readonly after: () => void }, space: ScenarioSpace): OperationValue;
  /** The machine has changed, or may have. */
  changed(): void;
}
