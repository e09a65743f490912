/** Messages that quote hostile text: one line, of bounded length, with nothing in it that is not seen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors, UserError } from '../../debug-adapter/base/errors.ts';
import { limits } from '../../debug-adapter/base/limits.ts';
import { decodeCString, decodeName, encodeText, forTerminal, oneLine } from '../../debug-adapter/base/text.ts';
import { parseRawRanges } from '../../debug-adapter/image/raw.ts';
import { fc } from '../support/properties.ts';

test('what breaks a line or turns its direction is shown as a question mark', () => {
  assert.equal(oneLine('a\nb\r\tc\0d\u001b[31me\u202ef\u2028g', 100), 'a?b??c?d?[31me?f?g');
  assert.equal(oneLine('four', 3), 'fou…');
  assert.equal(oneLine('Größe 漢字 →', 100), 'Größe 漢字 →');
});

test('an error that quotes any text is one line, and not longer than messages are', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('a\n'.repeat(50_000))), (text) => {
      const { message } = errors.notFound(text);
      assert.equal(message, message.replace(/\p{Cc}/gu, ''));
      assert.ok(message.length <= limits.messageCharacters + 1);
    }),
  );
});

test('found by fuzzing: a base of raw memory with a newline in it is refused in one line', () => {
  assert.throws(
    () => parseRawRanges('0x0-\n0x10'),
    (error) => error instanceof UserError && error.message.startsWith('0x0-?0x10 is no base of raw memory;'),
  );
});

test('several messages stand in lines of their own', () => {
  assert.equal(errors.badArgument('one\ntwo', 'three').message, 'one?two\nthree');
});

test('names say where they would turn the direction of writing', () => {
  assert.equal(decodeName(encodeText('good\u202Edab')), 'good\\u202edab');
  assert.equal(decodeCString(encodeText('a\u2066b\u2069\u0000rest')), 'a\\u2066b\\u2069');
  assert.equal(decodeName(encodeText('שלום\t日本')), 'שלום\t日本');
});

test('a terminal gets nothing that it would obey', () => {
  assert.equal(forTerminal('a\u001B[2Jb\u009Bc\u202Ed\r\n\te\u007F'), 'a\\x1b[2Jb\\x9bc\\u202ed\\x0d\n\te\\x7f');
});
