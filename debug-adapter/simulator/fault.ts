/** What a simulated kernel stops at or complains of, in its own words. */
import type { Address } from '../base/address.ts';

/** Why an operation fails, as the kernel would have said it. */
export type FaultKind =
  /** An access that no page-table entry allows. */
  | 'page-fault'
  | 'general-protection'
  /** BUG(), WARN(): the kernel found its own state wrong, or was asked for what it does not do. */
  | 'bug'
  | 'warning'
  | 'out-of-memory'
  /** A KASAN-like report. */
  | 'invalid-access'
  /** A system call's error. */
  | 'errno'
  /** Arguments that no kernel function could be given. */
  | 'argument';

/** The scenario may expect it (`fails`); uncaught it ends the run. */
export class Fault extends Error {
  readonly kind: FaultKind;
  /** Where, as far as the fault is about an address. */
  readonly address: Address | undefined;
  /** The page-table level whose entry is missing: `pgd` … `pte`. */
  readonly level: string | undefined;
  /** `EINVAL`, `ENOMEM`… of a system call. */
  readonly errno: string | undefined;

  /** `message` is one or more lines as the kernel logs them, without a full stop. */
  constructor(
    kind: FaultKind,
    message: string,
    at: { address?: Address | undefined; level?: string | undefined; errno?: string | undefined } = {},
  ) {
    super(message);
    this.name = 'Fault';
    this.kind = kind;
    this.address = at.address;
    this.level = at.level;
    this.errno = at.errno;
  }
}
