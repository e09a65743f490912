/** Every argument of every request, in turn, is what it is not expected to be: each request is answered once, in words. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { limits } from '../../debug-adapter/base/limits.ts';
import { handlers } from '../../debug-adapter/dap/handlers.ts';
import { scenarioHandlers } from '../../debug-adapter/dap/scenario-handlers.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { bundled } from '../support/dumps.ts';
import { everyRequest, lastRequests } from './every-request.ts';
import { RawClient } from './raw-client.ts';
import type { Reply } from './raw-client.ts';

const many = 100_000;
const long = (text: string): string => JSON.stringify(text.repeat(many / text.length));

/** As JSON: some of these no value of the language can hold. */
const odd: readonly string[] = [
  ...['null', 'true', '-1', '0', '1.5', '1e300', '1e999', '9007199254740993', '-9223372036854775809', '18446744073709551616'],
  ...['[]', '[null]', '{}', '""', '" "', '"\\u0000"', '"\\ud800"', '"__proto__"', '"NaN"', '"-0x1"', '"0xffffffffffffffff"', '"/"'],
  ...['"/dev/zero"', '"http://127.0.0.1:1/a"', '"file:///etc/passwd"', '"a\\nb"', `[${'"0x0",'.repeat(20_000)}"0x0"]`],
];
/** What takes too long where the time grows with the square of a text's length. */
const huge: readonly string[] = [
  ...['a', ' ', '*', '(', '-', '1', 'a.', '$', '"', ', ', 'struct ', 'PRESENT|', '\n'].map(long),
  JSON.stringify(`a${' '.repeat(many)}b`),
  JSON.stringify(`.dis a${' '.repeat(many)}b`),
  `${'['.repeat(many)}${']'.repeat(many)}`,
  `${'{"a":'.repeat(many)}1${'}'.repeat(many)}`,
];

/** `value` as JSON, in which each place in turn is something wild. */
function* wilder(value: unknown, depth = 0): Generator<string> {
  yield* odd;
  if (depth === 1) yield* huge;
  const entries: readonly (readonly [string, unknown])[] = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  for (const [name, inner] of entries) {
    const around = (text: string): string => {
      const parts = entries.map(([other, whole]) => [other, other === name ? text : JSON.stringify(whole)]);
      if (Array.isArray(value)) return `[${parts.map(([, part]) => part).join(',')}]`;
      return `{${parts.map(([other, part]) => `${JSON.stringify(other)}:${part ?? ''}`).join(',')}}`;
    };
    for (const text of wilder(inner, depth + 1)) yield around(text);
  }
}

/** The program's own words for what went wrong within. */
const inside = /defect of Pagewalk|\bat \S+ \(|node:internal|\.[tj]s:\d|Cannot read prop|is not a function|\[object /;

function assertInWords(what: string, replies: readonly Reply[]): void {
  assert.equal(replies.length, 1, what);
  const message = replies[0]?.message ?? '';
  assert.doesNotMatch(message, inside, what);
  // A message of several lines has each of bounded length.
  assert.ok(message.length <= 2 * limits.messageCharacters, what);
}

test('each request that is answered stands among the examples', () => {
  const answered = new Set([...Object.keys(handlers), ...Object.keys(scenarioHandlers), 'cancel']);
  assert.deepEqual([...Object.keys(everyRequest), ...lastRequests].sort(), [...answered].sort());
});

const sessions: readonly { readonly name: string; readonly settings: object; readonly answers: object }[] = [
  { name: 'a dump', settings: { image: bundled.image }, answers: everyRequest },
  {
    name: 'a scenario, which answers some otherwise',
    settings: { scenario: resolve(import.meta.dirname, '../../examples/000-vread-vm-map-ram.kmm'), stopOnEntry: true },
    answers: scenarioHandlers,
  },
];
for (const { name, settings, answers } of sessions) {
  describe(name, () => {
    const client = new RawClient(nodeHost(), { loadLanguage: () => import('../../debug-adapter/lsp/language-server.ts') });
    let seq = 1_000_000;
    before(() => client.launch(settings));
    for (const [command, example] of Object.entries(everyRequest)) {
      if (!Object.hasOwn(answers, command)) continue;
      test(command, async () => {
        for (const given of wilder(example)) {
          seq++;
          client.raw(`{"seq":${seq},"type":"request","command":"${command}","arguments":${given}}`);
          await client.replyTo(seq);
          assertInWords(`${command} ${given.slice(0, 200)}`, client.replies.get(seq) ?? []);
          client.replies.delete(seq);
        }
      });
    }
    after(() => client.body('disconnect'));
  });
}
