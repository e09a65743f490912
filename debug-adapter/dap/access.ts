/**
 * Who may ask. Any program of the machine, of any of its users, can connect to a port of the loopback, and be answered with what
 * files hold that the user may read: where a token was agreed on, a client gives it with its `initialize` or its `launch`.
 */
import type * as crypto from 'node:crypto';
import { createRequire } from 'node:module';
import type { DebugProtocol } from '@vscode/debugprotocol';

/** `foreign`: a client that gave another token, and is not heard again. */
type Admission = 'admitted' | 'not-yet' | 'foreign';

/** Requests that tell nothing of any file. */
const harmless: ReadonlySet<string> = new Set(['initialize', 'disconnect']);

/** Compares tokens in constant time. */
export class Access {
  readonly #wanted: Buffer | undefined;
  #admitted: boolean;

  /** Without a token everybody is admitted. */
  constructor(token?: string) {
    this.#wanted = token === undefined ? undefined : digest(token);
    this.#admitted = token === undefined;
  }

  /** Whether the client has given the token, or needs none. */
  get admitted(): boolean {
    return this.#admitted;
  }

  /** What becomes of a request. One that brings the token admits those behind it, too. */
  admit(request: DebugProtocol.Request): Admission {
    const { command } = request;
    const given: unknown = request.arguments;
    const brings = (command === 'initialize' || command === 'launch') && typeof given === 'object' && given !== null && 'token' in given;
    const token = brings ? given.token : undefined;
    if (this.#wanted !== undefined && token !== undefined) {
      if (typeof token !== 'string' || !cryptography().timingSafeEqual(digest(token), this.#wanted)) return 'foreign';
      this.#admitted = true;
    }
    return this.#admitted || harmless.has(command) ? 'admitted' : 'not-yet';
  }
}

/** Of one length, whatever the token's. */
function digest(token: string): Buffer {
  return cryptography().createHash('sha256').update(token).digest();
}

/** Loaded with the first token: it takes Node longer than the rest of what every verb and session starts with. */
function cryptography(): typeof crypto {
  return createRequire(import.meta.url)('node:crypto') as typeof crypto;
}
