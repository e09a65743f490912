/** What a soak counts: requests, replies by what they said, and what must not be. */
import type { Reply } from '../dap/raw-client.ts';

/** Faults that are kept with their words. */
const most = 20;

export class Tally {
  sessions = 0;
  vanished = 0;
  requests = 0;
  /** Replies that were no success, by their words without what is particular to one request. */
  readonly errors = new Map<string, number>();
  /** Each once, by its first line. */
  readonly #faults = new Map<string, string>();

  /** `replies`: those to one request. */
  count(command: string, replies: readonly Reply[]): void {
    this.requests++;
    if (replies.length !== 1) this.fault(`${command} was answered ${replies.length} times`);
    for (const { success, message = '' } of replies) {
      if (success) continue;
      if (message.includes('defect of Pagewalk')) this.fault(`${command}: ${message}`);
      const kind = kindOf(message);
      this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1);
    }
  }

  fault(what: string): void {
    const [line = ''] = what.split('\n');
    if (this.#faults.size < most && !this.#faults.has(line)) this.#faults.set(line, what);
  }

  get faults(): readonly string[] {
    return [...this.#faults.values()];
  }
}

/** The beginning of a message, in which numbers, paths and quoted words are the same for all. */
function kindOf(message: string): string {
  return message
    .replaceAll(/\/[^\s:;,]+/g, 'PATH')
    .replaceAll(/0x[0-9a-f]+|-?\d[\d.e+]*/g, 'N')
    .replaceAll(/"[^"]*"|`[^`]*`|e{20,}/g, '"…"')
    .slice(0, 60);
}
