/** What a hover asks, and of which address space, by the document that it is over. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { AnsweringSessions, loadedModule } from './loaded.ts';

interface Provider {
  provideHover(document: object, position: { line: number; character: number }): Promise<{ contents: unknown } | undefined>;
}

const identify = { address: '0x1000', kind: 'user-vma', summary: 'a page', details: [] };
const walk = { virtual: '0x1000', physical: null, pageSize: 4096, levels: [], reason: 'nothing', effective: null, cacheType: null };

const lines = [
  'physical 0x5000: 2 addresses',
  '',
  '0xffff888000005000  kernel                direct map',
  '0x00007f0000001000  17 kernel             a page',
  '    pte entry 0x8000000005000063 at physical 0x11a00000, page of 4096 bytes: PRESENT; read-only',
  '0xffff888000006000  kernel                direct map of physical 0x6000',
];

describe('a hover', () => {
  let Hovers: new (sessions: AnsweringSessions) => Provider;
  before(async () => {
    ({ AddressHoverProvider: Hovers } = (await loadedModule('extension/documents/hover.ts')) as unknown as {
      AddressHoverProvider: typeof Hovers;
    });
  });

  async function asked(query: string, scheme: string, at: { line: number; character: number }): Promise<unknown[]> {
    const sessions = new AnsweringSessions({
      'pagewalk/explain': () => ({ results: [{ identify, walk }] }),
      'pagewalk/identify': () => ({ results: [identify] }),
    });
    const document = { uri: { scheme, query }, lineAt: (line: number) => ({ text: lines[line] ?? '' }) };
    assert.ok((await new Hovers(sessions).provideHover(document, at)) !== undefined);
    return sessions.asked.map(({ name, parameters }) => [name, parameters]);
  }

  const [kernel, process] = ['0xffff888000005000', '0x00007f0000001000'];

  test('is one request to the session', async () => {
    assert.deepEqual(await asked('', 'file', { line: 2, character: 5 }), [['pagewalk/explain', { addresses: [kernel] }]]);
  });

  test('in the document of one address space asks that one', async () => {
    const addresses = [process];
    assert.deepEqual(await asked('answer=1&mm=5', 'pagewalk-answer', { line: 3, character: 5 }), [
      ['pagewalk/explain', { addresses, mm: '5' }],
    ]);
  });

  test('in a document whose rows name their address spaces asks the one of the row', async () => {
    const of = (line: number): Promise<unknown[]> => asked('answer=1&spaces=rows', 'pagewalk-answer', { line, character: 10 });
    assert.deepEqual(await of(2), [['pagewalk/explain', { addresses: [kernel], mm: 'kernel' }]]);
    assert.deepEqual(await of(3), [['pagewalk/explain', { addresses: [process], mm: '17' }]]);
  });

  test('says of a physical address what lies there', async () => {
    const physical = (address: string): unknown[] => [['pagewalk/identify', { addresses: [address], physical: true }]];
    const of = (line: number, text: string): Promise<unknown[]> =>
      asked('answer=1&spaces=rows', 'pagewalk-answer', { line, character: (lines[line] ?? '').indexOf(text) + 2 });
    assert.deepEqual(await of(0, '0x5000'), physical('0x5000'));
    assert.deepEqual(await of(4, '0x11a00000'), physical('0x11a00000'));
    assert.deepEqual(await of(5, '0x6000'), physical('0x6000'));
  });
});
