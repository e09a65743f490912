/**
 * Names that come from a dump are text in every panel: symbols, modules and callers of vmalloc as owners and summaries, comms
 * and file names as labels of address spaces and sides. Whatever they hold, no element comes of it, and nothing runs.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { IdentifyFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import { findPlaces } from '../vscode-web/places.ts';
import { pagesOf } from './bytes-host.ts';
import { WebviewPage } from './page.ts';

const places = findPlaces();

const names = {
  'an image that fails': '<img src=x onerror="window.hit=1">',
  'the end of an attribute and a script': '"><script>window.hit=1</script>',
  'the end of a comment and a template': '--><template><b>1</b></template>',
  'a template literal': '${window.hit=7*7}',
  "lit's own marker": '<!--?lit$1$-->{{lit-1}}',
  'a turn of the writing direction': 'good\u202Edab',
  'characters without width': 'a\u200B\u200D\u2060\uFEFFb',
  'a control character': 'line\u0007\u001B[31m',
} as const;

interface Message {
  readonly kind: string;
}
type Opened = WebviewPage<Message, Message>;
/** What is sent with a name in it, and where the name then stands. */
interface Case {
  readonly send: (opened: Opened, name: string) => Promise<void>;
  readonly shown: readonly string[];
}

const live = (name: string): Message & { state: string; name: string; next: null } => ({
  kind: 'session',
  state: 'live',
  name,
  next: null,
});
const line = {
  text: '0xffff888000000000-0xffff888000001000           4K     RW                     NX pte',
  region: { start: '0xffff888000000000', end: '0xffff888000001000', level: 'pte', attributes: ['RW', 'NX'], present: true },
  marker: null,
};
const generationOf = async (opened: Opened): Promise<number> => {
  const asked = (await opened.sent('load')) as (Message & { generation: number })[];
  return asked.at(-1)?.generation ?? 0;
};
const identifyOf = (summary: string): IdentifyFacts => ({
  address: '0x1000',
  kind: 'symbol',
  summary,
  details: [summary, summary].map((each) => ({ kind: 'symbol', summary: each })),
});
const walkOf = (name: string): TranslationFacts => ({
  virtual: '0x1000',
  physical: null,
  pfn: null,
  pageSize: 4096,
  levels: [],
  register: name,
  reason: name,
  effective: null,
  cacheType: null,
});

const panels: Readonly<Record<string, Case>> = {
  ptdump: {
    send: async (opened, name) => {
      await opened.send(live(name), { kind: 'spaces', spaces: [{ id: 'kernel', label: name, root: '0x1000', userRoot: null }] } as Message);
      const generation = await generationOf(opened);
      const marker = { text: `---[ ${name} ]---`, region: null, marker: '0xffff888000000000' };
      await opened.send(
        { kind: 'lines', generation, start: 0, total: 2, lines: [marker, line] } as Message,
        { kind: 'owners', generation, owners: [{ line: 1, owner: name }] } as Message,
        { kind: 'problem', message: name } as Message,
      );
      await opened.page.click('.row.w');
      await opened.send({
        kind: 'details',
        address: '0xffff888000000000',
        identify: identifyOf(name),
        walk: walkOf(name),
        block: null,
      } as Message);
    },
    shown: ['.row.marker', '.row .owner', '.space', 'aside .summary', '.status .problem'],
  },
  diff: {
    send: async (opened, name) => {
      const side = { label: name, source: name, ofSession: true, mm: 'kernel', place: null };
      const change = { ...line.region, kind: 'removed', what: ['present'], before: { ...line.region, physical: null }, after: null };
      const marker = { text: `---[ ${name} ]---`, region: null, marker: '0xffff888000000000' };
      await opened.send(
        live(name),
        { kind: 'sides', generation: 1, first: side, second: side } as Message,
        { kind: 'lines', generation: 1, side: 'first', start: 0, total: 2, lines: [marker, line] } as Message,
        { kind: 'lines', generation: 1, side: 'second', start: 0, total: 0, lines: [] } as Message,
        { kind: 'changes', generation: 1, start: 0, total: 1, changes: [change], addressBits: 64, warnings: [name] } as Message,
      );
      await opened.page.waitForSelector('.canvas .row.removed');
      await opened.send({ kind: 'owners', generation: 1, side: 'first', owners: [{ line: 1, owner: name }] } as Message);
    },
    shown: ['.row.marker', '.row.removed .owner', '.side', '.status .problem'],
  },
  memory: {
    send: async (opened, name) => {
      await opened.send(live(name), { kind: 'opened', spaces: [], writable: false, watches: false, stop: 1 } as Message);
      const pages = pagesOf(
        0n,
        (at) => at,
        (page) => ({ ...page, owner: { kind: 'symbol', summary: name }, flags: [name] }),
      );
      const member = { name, type: name, offset: 0, size: 8, bits: null, kind: 'text' };
      await opened.send(
        { kind: 'pages', generation: await generationOf(opened), address: '0x0', pages, kcore: null, problem: null } as Message,
        { kind: 'layout', address: '0x0', layout: { name, size: 8, members: [member], cut: false } } as Message,
        { kind: 'problem', message: name } as Message,
      );
    },
    shown: ['.head .what', '.label', 'aside h2', 'aside .name', '.status .problem'],
  },
  walk: {
    send: async (opened, name) => {
      await opened.send(live(name), { kind: 'walk', mm: name, identify: identifyOf(name), walk: walkOf(name), addressBits: 64 } as Message);
    },
    shown: ['h1', 'main li:last-child', '.end', '.status'],
  },
};

describe('hostile names', { skip: 'missing' in places ? places.missing : false }, () => {
  for (const [panel, { send, shown }] of Object.entries(panels))
    describe(`in the ${panel} page`, () => {
      let opened: Opened;
      before(async () => {
        opened = await WebviewPage.open<Message, Message>(places, panel);
      });
      after(() => opened.close());

      for (const [what, name] of Object.entries(names))
        test(`${what} is text`, async () => {
          const { page } = opened;
          await opened.startAnew();
          await send(opened, name);
          for (const selector of shown)
            await page.waitForFunction(
              ({ where, text }) => [...document.querySelectorAll(where)].some(({ textContent }) => textContent.includes(text)),
              { where: selector, text: name },
            );
          const made = await page.evaluate(() => ({
            elements: document.querySelectorAll('body img, body template, body b[onerror], [onerror]').length,
            scripts: document.querySelectorAll('body script').length,
            ran: 'hit' in window,
          }));
          assert.deepEqual(made, { elements: 0, scripts: 1, ran: false });
        });
    });

  test('a turn of the writing direction ends with the name: what stands behind it keeps its order', async () => {
    const opened = await WebviewPage.open<Message, Message>(places, 'memory');
    await panels['memory']?.send(opened, names['a turn of the writing direction']);
    const [owner, rights] = await Promise.all(
      ['.head bdi', '.head .rights'].map((part) => opened.page.locator(part).first().boundingBox()),
    );
    await opened.close();
    assert.ok(owner && rights);
    assert.ok(rights.x >= owner.x + owner.width, 'the rights stand behind the name');
  });
});
