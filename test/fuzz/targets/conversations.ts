/**
 * Whole conversations: requests that are not waited for, cancelled, repeated, in any order, before the session is opened and after
 * it has ended, between bytes that are no messages, and cut into pieces of any size. Each request is answered exactly once.
 */
import assert from 'node:assert/strict';
import { Dice } from '../../builders/mutations.ts';
import { RawClient } from '../../dap/raw-client.ts';
import { bundled } from '../../support/dumps.ts';
import { generated, mutateText } from '../mutate-text.ts';
import { LanguageClient, languageArguments, methods, scenario } from '../odd-language.ts';
import { request } from '../odd-requests.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

/** Number of the request that ends a conversation. */
const last = 10_000;
/** Milliseconds after which a reply is lost, on the busiest machine. */
const lost = 300_000;

/** Fails, and says what was asked, where `reply` never comes. */
async function inTime<Reply>(reply: Promise<Reply>, what: string): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined;
  const never = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no reply to ${what.slice(0, 200)}`));
    }, lost);
  });
  try {
    return await Promise.race([reply, never]);
  } finally {
    clearTimeout(timer);
  }
}

/** One message of a client's, as its bytes; with the number that its reply has. */
interface Sent {
  readonly text: string;
  readonly seq: number | undefined;
}

const opening: readonly (readonly [string, unknown])[] = [
  ['initialize', { adapterID: 'pagewalk', supportsProgressReporting: true, supportsInvalidatedEvent: true }],
  ['launch', { image: bundled.image }],
  ['configurationDone', {}],
];

/** What a client sends, with what opens the session somewhere in it, and its end. */
function conversation(dice: Dice, seed: number): readonly Sent[] {
  const commands: (readonly [string, unknown])[] = Array.from({ length: 1 + dice.next(24) }, (_, index) => {
    const [command, parameters] = generated(request, (seed + Math.imul(index + 1, 0x9e37_79b1)) >>> 0);
    return dice.next(5) === 0 ? ['cancel', { requestId: 1 + dice.next(30) }] : [command, parameters];
  });
  // Mostly at the beginning; a session that is never opened is refused everything.
  if (dice.next(8) !== 0) commands.splice(dice.next(4) === 0 ? dice.next(commands.length) : 0, 0, ...opening);
  return commands.map(([command, parameters], index) => ({
    text: JSON.stringify({ seq: index + 1, type: 'request', command, arguments: parameters }),
    seq: index + 1,
  }));
}

function framed(text: string): Buffer {
  return Buffer.from(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

const goodbye = framed(JSON.stringify({ seq: last, type: 'request', command: 'disconnect' }));

/** Text that is no request: it is not answered, and what follows is. */
function noise(dice: Dice): Sent {
  const texts = [
    '{}',
    '[]',
    'null',
    '1',
    '"request"',
    '{"type":"request"',
    '{"type":"response","seq":1,"request_seq":1}',
    '\u0000',
    '{"seq":',
  ] as const;
  return { text: dice.pick(texts), seq: undefined };
}

/** Sends in pieces of any size. */
function sendCut(client: RawClient, bytes: Uint8Array, dice: Dice): void {
  const longest = dice.pick([1, 7, 100, 5000, bytes.length + 1]);
  // Byte by byte, each piece costs a turn: long conversations are cut less.
  const least = Math.ceil(bytes.length / 2000);
  for (let at = 0; at < bytes.length;) {
    const part = Math.max(least, 1 + dice.next(longest));
    client.bytes(bytes.subarray(at, at + part));
    at += part;
  }
}

const adapterConversations: FuzzTarget = {
  name: 'adapter: conversations',
  rounds: 20,
  regressions: [],
  prepare: () => ({
    caseOf: (seed): FuzzCase => {
      const dice = new Dice(seed);
      const sent = conversation(dice, seed).flatMap((one) => (dice.next(10) === 0 ? [noise(dice), one] : [one]));
      const input = sent.map(({ text }) => text).join('\n');
      const bytes = Buffer.concat(sent.map(({ text }) => framed(text)));
      // Half of all clients leave before they have heard all.
      const hasty = dice.next(2) === 0;
      return {
        input,
        run: async () => {
          const client = new RawClient();
          sendCut(client, hasty ? Buffer.concat([bytes, goodbye]) : bytes, dice);
          const numbers = sent.flatMap(({ seq }) => seq ?? []);
          for (const seq of numbers) {
            const { message } = await inTime(client.replyTo(seq), sent.find((one) => one.seq === seq)?.text ?? '');
            assert.equal(message?.includes('defect of Pagewalk') ?? false, false, message);
          }
          if (!hasty) client.bytes(goodbye);
          await inTime(client.replyTo(last), 'disconnect');
          // Nobody is there to answer these any more.
          client.send('threads');
          client.send('disconnect');
          for (const seq of numbers) assert.equal(client.replies.get(seq)?.length, 1, sent.find((one) => one.seq === seq)?.text);
          assert.deepEqual(
            [...client.replies.keys()].filter((seq) => seq !== last && !numbers.includes(seq)),
            [],
            'replies to what nobody asked',
          );
        },
      };
    },
  }),
};

const languageConversations: FuzzTarget = {
  name: 'language server: conversations',
  rounds: 12,
  regressions: [],
  prepare: async () => {
    const client = new LanguageClient();
    const uri = 'file:///tmp/conversation.kmm';
    await client.ask('initialize', { processId: null, rootUri: null, capabilities: {} });
    client.notify('initialized', {});
    client.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'kmm', version: 1, text: scenario } });
    return {
      caseOf: (seed): FuzzCase => {
        const dice = new Dice(seed);
        const steps = Array.from({ length: 2 + dice.next(20) }, (_, index) => {
          const own = (seed + Math.imul(index + 1, 0x9e37_79b1)) >>> 0;
          const content = dice.next(3) === 0 ? mutateText(scenario, own, ['let', '{', '}', 'machine', 'for', '..']) : undefined;
          const named = dice.next(12) === 0 ? 'file:///tmp/nobody-opened-it.kmm' : uri;
          return {
            content,
            cancels: dice.next(4) === 0 ? dice.next(6) : undefined,
            method: methods[dice.next(methods.length)] ?? '',
            params: { textDocument: { uri: named }, ...generated(languageArguments, own) },
          };
        });
        return {
          input: `${steps.map((step) => JSON.stringify(step)).join('\n')}\n`,
          run: async () => {
            client.answers.clear();
            const first = client.next;
            const replies = steps.map(({ content, cancels, method, params }) => {
              if (content !== undefined) client.change(uri, content);
              const reply = client.ask(method, params);
              if (cancels !== undefined) client.notify('$/cancelRequest', { id: client.next - 1 - cancels });
              return { method, reply };
            });
            for (const { method, reply } of replies) await inTime(reply, method);
            // Whatever became of those, the next is answered.
            await inTime(client.ask('textDocument/foldingRange', { textDocument: { uri } }), 'foldingRange');
            const numbers = Array.from({ length: steps.length + 1 }, (_, index) => first + index);
            assert.deepEqual(
              [...client.answers].sort(([a], [b]) => a - b),
              numbers.map((number) => [number, 1]),
            );
          },
        };
      },
    };
  },
};

export const conversationTargets: readonly FuzzTarget[] = [adapterConversations, languageConversations];
