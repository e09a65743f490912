/** Addresses of processes: each area by the name that the kernel gave it, each page by the frame that the process read of itself. */
import { underLimits } from '../support/lowered-limits.ts';
import { limits } from '../../debug-adapter/base/limits.ts';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { addToAddress } from '../../debug-adapter/base/address.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, dumpFolder, jsonLines } from '../support/dumps.ts';
import { debian, openMachine, truthText } from '../support/processes.ts';

describe('a process with forty kinds of mapping', { skip: absent(debian) ?? false }, () => {
  let session: Session;
  before(() => {
    session = openMachine(debian);
  });
  after(() => {
    session.close();
  });

  test('every area by name, rights, file offset and inode', () => {
    const lines = truthText(debian, 'guest/user_maps.txt').trimEnd().split('\n');
    assert.ok(lines.length > 50);
    for (const line of lines) {
      const [, start = '', end = '', rights, offset = '', inode, name = ''] =
        /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ (\d+) *(.*)$/.exec(line) ?? [];
      // The vsyscall page lies among the kernel's addresses.
      if (name === '[vsyscall]') continue;
      for (const into of [0n, BigInt(`0x${end}`) - BigInt(`0x${start}`) - 1n]) {
        const facts = session.identify(addToAddress(addressOf(`0x${start}`), into), '198');
        const [first] = facts.details;
        const isFile = inode !== '0';
        assert.deepEqual(
          [facts.kind, first?.['start'], first?.['rights'], first?.['name'] ?? '', first?.['inode'], first?.['fileOffset'], first?.['pid']],
          [
            'user-vma',
            `0x${start.replace(/^0+(?=.)/, '')}`,
            rights,
            name,
            isFile ? Number(inode) : null,
            isFile ? `0x${(BigInt(`0x${offset}`) + into).toString(16)}` : null,
            198,
          ],
          line,
        );
      }
    }
  });

  test('every page by its frame, or by why it is not there', () => {
    const lines = jsonLines<{ at: string; e?: string[] }>(join(dumpFolder(debian) ?? '', 'truth/guest/pagemap.jsonl'));
    let present = 0;
    let swapped = 0;
    for (const { at, e = [] } of lines) {
      e.forEach((entry, index) => {
        const word = BigInt(entry);
        const address = addToAddress(addressOf(at), index * 4096);
        // The vsyscall page; and entries whose frame is not told.
        if (address >= 1n << 47n) return;
        if (index % 7 !== 0) return;
        const { details } = session.identify(address, '198');
        const page = details.find(({ kind }) => kind === 'user-page');
        if (word >> 63n === 1n && page !== undefined) {
          assert.equal(page['pfn'], Number(word & ((1n << 55n) - 1n)), at);
          present++;
        } else if (((word >> 62n) & 1n) === 1n) {
          assert.equal(page, undefined);
          assert.match(details.find(({ kind }) => kind === 'unmapped')?.summary ?? '', /swap|marker|special entry/);
          swapped++;
        }
      });
    }
    assert.ok(present > 700 && swapped > 10, `${present} ${swapped}`);
  });

  test('memory of children, devices and hugetlbfs; the gap below the stack; what lies nowhere', async () => {
    const find = (address: string, kind: string): string =>
      session.identify(addressOf(address), '198').details.find((detail) => detail.kind === kind)?.summary ?? '';
    assert.equal(
      find('0x200000000000', 'mapped-by'),
      'mapped by process 198 (fxuser) at 0x200000000000, process 200 (fxchild) at 0x200000000000',
    );
    await underLimits({ frameUsers: limits.frameUsers / 16 }, () => {
      assert.equal(find('0x200000000000', 'mapped-by'), 'mapped by process 198 (fxuser) at 0x200000000000; others may map it too');
    });
    await underLimits({ frameUserAreas: limits.frameUserAreas * 0 }, () => {
      assert.equal(find('0x200000000000', 'mapped-by'), 'mapped by more areas than are looked at');
    });
    assert.equal(find('0x2000a0000000', 'resource'), 'PNP0103:00 (in HPET 0) in /proc/iomem, 0xfed00000-0xfed003ff');
    assert.match(find('0x200094000000', 'hugetlb-page'), /^page 0 of a huge page of order 9 of hugetlbfs/);
    assert.equal(find('0x7ffc92664ff8', 'unmapped'), '8 bytes below [stack] of process 198 (fxuser), in the gap that guards it');
    assert.equal(find('0x1000', 'unmapped'), 'no mapping of process 198 (fxuser) covers it');
    assert.match(session.identify(addressOf('0x1000')).summary, /choose a process/);
  });
});
