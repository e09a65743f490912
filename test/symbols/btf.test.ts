/** BTF of a real kernel against what DWARF says of the same kernel, and BTF that is damaged. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { openBtf } from '../../debug-adapter/symbols/btf.ts';
import { findKernelBtf } from '../../debug-adapter/symbols/kernel-btf.ts';
import { offsetOfMember, sizeOfType } from '../../debug-adapter/symbols/type-layout.ts';
import type { ArrayType, Type } from '../../debug-adapter/symbols/types.ts';
import { absent, bundled, dumpFolder, expandedDump } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';

const session = openSession(nodeHost(), { paths: [bundled.image] });
const found = findKernelBtf(session.kernel.memory, session.symbols);
assert.ok('bytes' in found);
const { bytes } = found;
const options = { littleEndian: true, pointerSize: 8, source: 'test' } as const;
const types = openBtf(bytes, options);

describe('BTF', () => {
  test('sizes and members equal DWARF', { skip: absent('x86-64-debian-6.12') ?? false }, () => {
    const path = join(dumpFolder('x86-64-debian-6.12') ?? '', 'truth/drgn/constants.json');
    const constants = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    let checked = 0;
    for (const [key, value] of Object.entries(constants)) {
      const [, what, name] = /^(sizeof|members) struct (\w+)$/.exec(key) ?? [];
      if (name === undefined) continue;
      if (what === 'sizeof') assert.equal(types.struct(name)?.size, value, key);
      else {
        for (const [member, offset] of Object.entries(value as Record<string, number>)) {
          if (member.startsWith('(')) continue;
          assert.equal(offsetOfMember(types, name, member), offset, `${name}.${member}`);
        }
      }
      checked++;
    }
    assert.ok(checked > 5, `only ${checked}`);
  });

  test('types by C name', () => {
    const size = (name: string): number => sizeOfType(types.parse(name) ?? { kind: 'void' });
    assert.deepEqual(
      ['int', 'unsigned long', 'long unsigned int', 'char[16]', 'struct page *', 'struct page', 'u64', 'struct list_head[3]', 'void *'].map(
        size,
      ),
      [4, 8, 8, 16, 8, 64, 8, 48, 8],
    );
    assert.equal(types.parse('struct no_such_struct'), undefined);
    assert.equal(types.parse(''), undefined);
    assert.equal(types.enumerator('PG_locked'), 0n);
    assert.equal(types.variable('vmap_block_queue')?.kind, 'struct');
  });

  test('modules have types of their own', { skip: absent('x86-64-debian-6.12') ?? false }, () => {
    const whole = openSession(nodeHost(), { paths: [expandedDump('x86-64-debian-6.12', 'dump.elf')] });
    assert.match(whole.types?.source ?? '', /and 11 modules$/);
    assert.ok((whole.types?.struct('xfs_mount')?.members.length ?? 0) > 10, 'xfs is a module of this kernel');
    assert.equal(types.struct('xfs_mount'), undefined);
    assert.deepEqual(whole.warnings(), []);
    whole.close();
  });

  test('module types that were left out of the dump are told', () => {
    assert.equal(session.types?.struct('xfs_mount'), undefined);
    assert.ok(session.warnings().some((warning) => /^types of modules: .* was left out of the dump/.test(warning)));
  });

  test('arrays of arrays without end, and beyond all sizes, have none', () => {
    const of = (depth: number, count: number): ArrayType => {
      const array: { kind: 'array'; element: Type; count: number } = { kind: 'array', element: { kind: 'void' }, count };
      array.element = depth === 0 ? array : of(depth - 1, count);
      return array;
    };
    const char: Type = { kind: 'integer', name: 'char', size: 1, signed: true, encoding: 'char' };
    const nested = (depth: number, count: number): Type => {
      let type: Type = char;
      for (let level = 0; level < depth; level++) type = { kind: 'array', element: type, count };
      return type;
    };
    assert.deepEqual([nested(3, 5), of(0, 2), of(3, 1), nested(2, 0xffff_ffff), nested(100_000, 1)].map(sizeOfType), [125, 0, 0, 0, 0]);
  });

  test('damaged BTF gives a UserError or a table that answers', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 4095 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 20 }), (changes) => {
        const damaged = bytes.slice(0, 200_000);
        for (const [at, byte] of changes) damaged[at] = byte;
        new DataView(damaged.buffer).setUint32(12, 100_000, true);
        new DataView(damaged.buffer).setUint32(16, 100_000, true);
        new DataView(damaged.buffer).setUint32(20, 50_000, true);
        try {
          const table = openBtf(damaged, options);
          for (const name of ['page', 'list_head', 'task_struct']) {
            const struct = table.struct(name);
            for (const member of struct?.members ?? []) sizeOfType(member.type);
          }
          table.enumerator('PG_locked');
        } catch (error) {
          assert.ok(error instanceof UserError, String(error));
        }
      }),
      { numRuns: 60 },
    );
  });
});
