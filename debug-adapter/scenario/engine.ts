/** What a scenario may ask about its machine: the questions that are asked of a dump, answered by the same code. */
import type { Address } from '../base/address.ts';
import type { OperationValue } from '../simulator/operation.ts';

/** Asks of the machine as it is when asked. A process is its PID; without one the kernel's address space is meant. */
export interface ScenarioEngine {
  /** All throw `UserError` for what cannot be answered. */
  vtop(address: Address, process: bigint | undefined): OperationValue;
  identify(address: Address, process: bigint | undefined): OperationValue;
  /** `length` bytes as a hexadecimal text, two digits a byte, `??` where memory is missing. */
  read(address: Address, length: number, process: bigint | undefined): string;
  /** The page-table dump, a text a line. */
  ptdump(process: bigint | undefined): readonly string[];
  vmallocinfo(): readonly string[];
  check(): readonly string[];
  /** A C expression. */
  evaluate(expression: string, process: bigint | undefined): OperationValue;
  /** Page-table dump regions that differ; `before` and `after` bring the machine to the moments that are compared. */
  diff(moments: { readonly before: () => void; readonly after: () => void }, process: bigint | undefined): OperationValue;
  /** The machine has changed, or may have. */
  changed(): void;
}
