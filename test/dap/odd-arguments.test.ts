/** Arguments that a soak or a client found to be answered with a defect: each is refused in words, with what would do. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bundled } from '../support/dumps.ts';
import { RawClient } from './raw-client.ts';

const cases: readonly (readonly [command: string, parameters: object, message: RegExp])[] = [
  [
    'pagewalk/tableEntries',
    { tableAddress: '0xc008000000110000', level: 'pmd' },
    /tableAddress is no physical address: .*they lie below 2\^53/,
  ],
  ['pagewalk/tableEntries', { tableAddress: '0x8a22fff', level: 'pmd' }, /no table begins at 0x8a22fff: its entries lie at multiples of 8/],
  [
    'readMemory',
    { memoryReference: '0xffffd4bf80801000', offset: 1.5, count: 8 },
    /the argument offset cannot be used: it is a whole number/,
  ],
  ['evaluate', { expression: `.dis a${' '.repeat(1e6)}b` }, /the argument expression cannot be used: it has more than 4096 characters/],
  ['completions', { text: `${'a'.repeat(1e6)} `, column: 2e6 }, /the argument text cannot be used: it has more than 4096 characters/],
  ['pagewalk/typeLayout', { type: `a${' '.repeat(1e6)}b` }, /^there is no type a {100}/],
];

describe('odd arguments', () => {
  const client = new RawClient();
  before(() => client.launch({ image: bundled.image }));
  for (const [command, parameters, message] of cases) {
    test(`${command} ${JSON.stringify(parameters)}`, async () => {
      const reply = await client.ask(command, parameters);
      assert.equal(reply.success, false);
      assert.match(reply.message ?? '', message);
    });
  }
  after(() => client.body('disconnect'));
});
