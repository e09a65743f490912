/** Long texts that pages hand over in parts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextParts } from '../../extension/panels/text-parts.ts';

test('a text is whole with its last part; one that was given up is forgotten', () => {
  const parts = new TextParts();
  assert.equal(parts.add({ text: 'alone' }), 'alone');
  assert.equal(parts.add({ text: 'given ', part: 0, more: true }), undefined);
  assert.equal(parts.add({ text: 'one ', part: 0, more: true }), undefined);
  assert.equal(parts.add({ text: 'two ', part: 1, more: true }), undefined);
  assert.equal(parts.add({ text: 'three', part: 2 }), 'one two three');
  assert.equal(parts.add({ text: 'next', part: 0 }), 'next');
});
