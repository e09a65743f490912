/**
 * Messages of clients: requests of every name with odd arguments, bytes that are no messages, and texts that editors would send
 * a language server while they are typed. Each request is answered once, and what cannot be read ends nothing.
 */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { handlers } from '../../../debug-adapter/dap/handlers.ts';
import { serveLanguage } from '../../../debug-adapter/lsp/language-server.ts';
import { RawClient } from '../../dap/raw-client.ts';
import { Dice } from '../../builders/mutations.ts';
import { bundled } from '../../support/dumps.ts';
import { fc } from '../../support/properties.ts';
import { generated, mutateText } from '../mutate-text.ts';
import type { FuzzCase, FuzzTarget, PreparedTarget } from '../target.ts';

const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, 1, 2, -1, 1.5, 2 ** 53, 1e300));
const text = fc.oneof(fc.string(), fc.constantFrom('', '0x', '0xffffffffffffffff', 'init_task', '$rip', '.', 'vtop(', 'kernel', '1'));
const anything = fc.oneof(number, text, fc.boolean(), fc.constant(null), fc.array(text, { maxLength: 3 }), fc.dictionary(text, number));
const fields = [
  ...['threadId', 'frameId', 'variablesReference', 'sourceReference', 'start', 'count', 'startFrame', 'levels', 'offset', 'column'],
  ...['memoryReference', 'expression', 'context', 'text', 'addresses', 'mm', 'range', 'tableAddress', 'level', 'virtualBase', 'user'],
  ...['breakpoints', 'requestId', 'startModule', 'moduleCount', 'filter', 'line', 'image', 'scenario', 'pattern', 'limit', 'pid', 'data'],
];
const oddArguments = fc.oneof(anything, fc.dictionary(fc.constantFrom(...fields), anything, { maxKeys: 6 }));
/** Everything but what ends the session, which would make the rest trivial. */
const requestNames = [...Object.keys(handlers), 'cancel', 'attach', 'toString', '__proto__', 'constructor', ''].filter(
  (name) => name !== 'disconnect',
);
const request = fc.tuple(fc.constantFrom(...requestNames), oddArguments);

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

const methods = [
  ...['textDocument/completion', 'textDocument/hover', 'textDocument/documentSymbol', 'textDocument/formatting', 'textDocument/inlayHint'],
  ...['textDocument/definition', 'textDocument/references', 'textDocument/rename', 'textDocument/foldingRange', 'textDocument/codeAction'],
  ...['textDocument/semanticTokens/full', 'workspace/symbol', 'nosuch/method', '$/cancelRequest'],
];
const scenario = 'machine { ram 64M }\nlet a = vmalloc(64K)\nfor i in 0..3 { print "{i:x}", a }\nexpect vtop(a).physical != 0\nvfree(a)\n';
const position = fc.record({
  line: fc.oneof(fc.integer({ min: -1, max: 6 }), number),
  character: fc.oneof(fc.integer({ min: -1, max: 50 }), number),
});
const languageArguments = fc.record(
  { position, range: fc.record({ start: position, end: position }), context: anything, options: anything, newName: text, query: text },
  { requiredKeys: [] },
);

/** One server whose document changes with every case, as if it were typed. */
class LanguageClient {
  readonly #input = new PassThrough();
  readonly #waiting = new Map<number, () => void>();
  #heard = Buffer.alloc(0);
  #sequence = 0;
  #version = 1;

  constructor() {
    const output = new PassThrough();
    output.on('data', (bytes: Buffer) => {
      this.#hear(bytes);
    });
    serveLanguage(this.#input, output);
  }

  notify(method: string, params: unknown): void {
    this.#send({ jsonrpc: '2.0', method, params });
  }

  ask(method: string, params: unknown): Promise<void> {
    const id = ++this.#sequence;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ jsonrpc: '2.0', id, method, params });
    });
  }

  change(uri: string, content: string): void {
    this.notify('textDocument/didChange', { textDocument: { uri, version: ++this.#version }, contentChanges: [{ text: content }] });
  }

  #send(message: unknown): void {
    const body = JSON.stringify(message);
    this.#input.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  #hear(bytes: Buffer): void {
    this.#heard = Buffer.concat([this.#heard, bytes]);
    for (;;) {
      const head = this.#heard.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/i.exec(this.#heard.toString('latin1', 0, Math.max(0, head)))?.[1]);
      if (head < 0 || this.#heard.length < head + 4 + length) return;
      const message = JSON.parse(this.#heard.toString('utf8', head + 4, head + 4 + length)) as { id?: number; method?: string };
      this.#heard = this.#heard.subarray(head + 4 + length);
      if (message.id === undefined) continue;
      if (message.method !== undefined) this.#send({ jsonrpc: '2.0', id: message.id, result: null });
      else {
        this.#waiting.get(message.id)?.();
        this.#waiting.delete(message.id);
      }
    }
  }
}

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
