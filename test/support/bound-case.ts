/** One bound of base/limits.ts, exceeded: what is asked, and what is said of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { limits } from '../../debug-adapter/base/limits.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { RawClient } from '../dap/raw-client.ts';
import { bundled } from './dumps.ts';
import { runInProcess } from './in-process.ts';
import type { underLimits } from './lowered-limits.ts';

export type BoundName = keyof typeof limits;

interface Case {
  readonly bounds: Parameters<typeof underLimits>[0];
  /** Asks for more than the bounds allow; what is said of it. */
  readonly exceed: () => unknown;
  readonly says: RegExp;
}

/** A case, or the test that has it. */
export type BoundCase = Case | { readonly elsewhere: string };

/** What a question to the bundled dump says, in answer and warnings, as text. */
export function asked(question: (session: Session) => unknown): () => string {
  return () => {
    const session = openSession(nodeHost(), { paths: [bundled.image] });
    try {
      const answer = question(session);
      return JSON.stringify([answer, session.warnings()], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    } finally {
      session.close();
    }
  };
}

/** What the command line prints of the bundled dump, and complains of. */
export function printed(verb: string, ...rest: readonly string[]): () => Promise<string> {
  return async () => {
    const { text, complaints } = await runInProcess(nodeHost(), verb, bundled.image, ...rest);
    return [text, ...complaints].join('\n');
  };
}

/** What an adapter answers of the bundled dump, as text: a body, or why there is none. */
export function answered(command: string, parameters: object): () => Promise<string> {
  return async () => {
    const client = new RawClient();
    await client.launch({ image: bundled.image });
    const reply = await client.ask(command, parameters);
    await client.body('disconnect');
    return reply.message ?? JSON.stringify(reply.body);
  };
}

/** What an adapter answers of a scenario whose last statement fails, where it stands then; the name of its file is put into `parameters`. */
export function answeredOf(text: string, command: string, parameters: (path: string) => object): () => Promise<string> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pagewalk-bounds-'));
    const path = join(folder, 'a.kmm');
    writeFileSync(path, text);
    const client = new RawClient(nodeHost(), { loadLanguage: () => import('../../debug-adapter/lsp/language-server.ts') });
    try {
      await client.launch({ scenario: path });
      await client.event(({ event }) => event === 'stopped');
      await client.body('continue', { threadId: 1 });
      await client.event(({ event, body }) => event === 'stopped' && (body as { readonly reason: string }).reason === 'exception');
      const reply = await client.ask(command, parameters(path));
      await client.body('disconnect');
      return reply.message ?? JSON.stringify(reply.body);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}
