/**
 * Messages of clients: requests of every name with odd arguments, bytes that are no messages, and texts that editors would send
 * a language server while they are typed. Each request is answered once, and what cannot be read ends nothing.
 */
import assert from 'node:assert/strict';
import { RawClient } from '../../dap/raw-client.ts';
import { Dice } from '../../builders/mutations.ts';
import { bundled } from '../../support/dumps.ts';
import { generated, mutateText } from '../mutate-text.ts';
import { LanguageClient, languageArguments, methods, scenario } from '../odd-language.ts';
import { request } from '../odd-requests.ts';
import type { FuzzCase, FuzzTarget, PreparedTarget } from '../target.ts';

/** Cases that one client of an adapter tries one after the other. */
async function withClient(caseFor: (client: RawClient, seed: number) => FuzzCase): Promise<PreparedTarget> {
  const client = new RawClient();
  await client.launch({ image: bundled.image });
  return {
    caseOf: (seed) => caseFor(client, seed),
    close: async () => {
      await client.body('disconnect');
    },
  };
}

function forget(client: RawClient): void {
  client.replies.clear();
  client.events.length = 0;
}

const adapterRequests: FuzzTarget = {
  name: 'adapter: requests',
  rounds: 400,
  regressions: [],
  prepare: () =>
    withClient((client, seed) => {
      const [command, parameters] = generated(request, seed);
      return {
        input: `${JSON.stringify({ command, arguments: parameters })}\n`,
        run: async () => {
          const reply = await client.ask(command, parameters);
          assert.equal(reply.message?.includes('defect of Pagewalk') ?? false, false, reply.message);
          assert.equal(client.replies.get(reply.request_seq)?.length, 1);
          forget(client);
        },
      };
    }),
};

/** What stands in a message's place: JSON that is damaged, and things that are JSON and no message. */
const adapterMessages: FuzzTarget = {
  name: 'adapter: messages',
  rounds: 300,
  regressions: [],
  prepare: () =>
    withClient((client, seed) => {
      const [command, parameters] = generated(request, seed);
      const sound = JSON.stringify({ seq: 2 ** 30 + (seed % 1000), type: 'request', command, arguments: parameters });
      const message = mutateText(sound, seed, ['null', '[]', '{}', '"type"', '"request"', '"seq"', '1e400', ':', ',', 'true']);
      return {
        input: message,
        run: async () => {
          if (!message.includes('disconnect')) client.raw(message);
          const reply = await client.ask('threads');
          assert.equal(reply.success, true, reply.message);
          forget(client);
        },
      };
    }),
};

const languageServer: FuzzTarget = {
  name: 'language server',
  rounds: 100,
  // Some thousand calls that are not closed: 54 s and 3.7 GB.
  regressions: [815_990_685],
  prepare: async () => {
    const client = new LanguageClient();
    const uri = 'file:///tmp/fuzz.kmm';
    await client.ask('initialize', { processId: null, rootUri: null, capabilities: {} });
    client.notify('initialized', {});
    client.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'kmm', version: 1, text: scenario } });
    return {
      caseOf: (seed): FuzzCase => {
        const content = mutateText(scenario, seed, ['let', '{', '}', 'vmalloc', '"{', 'machine', 'for', '..']);
        const method = methods[new Dice(seed).next(methods.length)] ?? '';
        const params = { textDocument: { uri }, ...generated(languageArguments, seed) };
        return {
          input: `${JSON.stringify({ method, params, content })}\n`,
          run: async () => {
            client.change(uri, content);
            await client.ask(method, params);
            // Whatever became of that, the next is answered.
            await client.ask('textDocument/foldingRange', { textDocument: { uri } });
          },
        };
      },
    };
  },
};

export const protocolTargets: readonly FuzzTarget[] = [adapterRequests, adapterMessages, languageServer];
