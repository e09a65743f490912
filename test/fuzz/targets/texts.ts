/** Texts that come from files and users: page-table dumps, symbol lists, VMCOREINFO, kernel logs, bases, type names, patterns. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRawRanges } from '../../../debug-adapter/image/raw.ts';
import { deathOf, logText, reportOf } from '../../../debug-adapter/kernel/log/kernel-log.ts';
import { bytePattern, textPattern } from '../../../debug-adapter/memory/search-pattern.ts';
import { isPtdumpText, parsePtdump } from '../../../debug-adapter/pagetable/ptdump-parse.ts';
import { nodeHost } from '../../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../../debug-adapter/session/session.ts';
import { parseTextSymbols } from '../../../debug-adapter/symbols/text-symbols.ts';
import { parseVmcoreinfo } from '../../../debug-adapter/symbols/vmcoreinfo.ts';
import { bundled } from '../../support/dumps.ts';
import { mutateText } from '../mutate-text.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

interface TextKind {
  readonly name: string;
  readonly rounds: number;
  readonly regressions?: readonly number[];
  readonly words?: readonly string[];
  /** Texts as they should be, and who reads them. */
  readonly prepare: () => { readonly texts: readonly string[]; readonly use: (text: string) => void };
}

const session = (): ReturnType<typeof openSession> => openSession(nodeHost(), { paths: [bundled.image] });

const kinds: readonly TextKind[] = [
  {
    name: 'page-table dump',
    rounds: 150,
    words: [
      '---[ vmalloc() Area ]---',
      '0xffffffff81000000-0xffffffff82000000',
      '4K',
      '1E',
      'RW',
      'NX',
      'pte',
      'PMD',
      '... 65536 entries skipped ... ',
    ],
    prepare: () => {
      const opened = session();
      const lines = opened.ptdumpLines({}).map(({ text }) => text);
      opened.close();
      return {
        texts: [lines.slice(0, 400).join('\n'), lines.slice(-200).join('\n'), '0x00000000-0x00001000 4K PTE RW NX SHD AF\n'],
        use: (text) => {
          isPtdumpText(text);
          parsePtdump(text, 'a file');
        },
      };
    },
  },
  {
    name: 'symbol list',
    rounds: 150,
    words: ['ffffffff81000000', 'T', 't', '_text', '[module]', '0000000000000000', 'ffffffffffffffff'],
    prepare: () => {
      const opened = session();
      const lines = opened.findSymbols('a*', 400).map(({ address, type, name }) => `${address.slice(2)} ${type} ${name}`);
      opened.close();
      return {
        texts: [lines.join('\n'), 'c1000000 T _text\nc1000010 t second [one]\n'],
        use: (text) => {
          const symbols = parseTextSymbols(text, 'a file', { name: '_text', address: 0xffff_ffff_8100_0000n });
          symbols.withPrefix('a', 100);
          symbols.findAll('_text');
        },
      };
    },
  },
  {
    name: 'VMCOREINFO',
    rounds: 400,
    words: ['SYMBOL(init_mm)=', 'OFFSET(', 'SIZE(', 'LENGTH(', 'NUMBER(', 'OSRELEASE=', 'PAGESIZE=', 'ffffffff81000000', '='],
    prepare: () => {
      const opened = session();
      const text = opened.vmcoreinfoText();
      opened.close();
      return {
        texts: [text],
        use: (damaged) => {
          const notes = parseVmcoreinfo(damaged, 'a file');
          notes.symbol('init_uts_ns');
          notes.symbol('_stext');
        },
      };
    },
  },
  {
    name: 'kernel log',
    rounds: 200,
    words: [
      'BUG: ',
      'Oops: 0000 [#1]',
      'Call Trace:',
      '---[ end trace ]---',
      'Kernel panic - not syncing: ',
      'RIP: 0010:',
      '------------[ cut here ]------------',
    ],
    prepare: () => ({
      texts: ['kernel.dmesg', 'seed-002.dmesg'].map((file) => readFileSync(join(bundled.image, '..', file), 'utf8').slice(-20_000)),
      use: (text) => {
        const records = text.split('\n').map((line, index) => ({
          sequence: BigInt(index),
          time: BigInt(index) * 1_000_000n,
          facility: 0,
          level: index % 8,
          caller: undefined,
          text: line,
        }));
        const log = { records, problems: [] };
        logText(log, { levels: true });
        const death = deathOf(log);
        if (death !== undefined) reportOf(log, death);
      },
    }),
  },
  {
    name: 'base of raw memory',
    rounds: 1000,
    words: ['0x80000000', '-', ',', '0x10000000000000000'],
    prepare: () => ({
      texts: ['0x80000000', '0-0xc0000000,0x100000000', '0x0-0xc0000000, 0x100000000-0x140000000'],
      use: (text) => parseRawRanges(text),
    }),
  },
  {
    name: 'pattern',
    rounds: 1000,
    words: ['??', 'f?', 'de ad be ef', '00:11'],
    prepare: () => ({
      texts: ['de ad ?? ef', '00:11:2?', 'Linux version'],
      use: (text) => {
        textPattern(text, undefined);
        bytePattern(text, 4);
      },
    }),
  },
  {
    name: 'type name',
    rounds: 300,
    words: ['struct', 'union', 'enum', 'unsigned', 'long', 'const', '*', '[16]', '(*)(', 'page', 'list_head', 'u64'],
    prepare: () => {
      const opened = session();
      return {
        texts: ['struct page *', 'unsigned long [4][2]', 'enum pageflags', 'const char * const', 'struct list_head **[3]'],
        use: (text) => {
          opened.types?.parse(text);
          opened.typeLayout(text);
        },
      };
    },
  },
  {
    name: 'search',
    rounds: 4,
    words: ['"', '0x', '??', 'init_task', '-1'],
    prepare: () => {
      const opened = session();
      return {
        texts: ['"Linux"', '0xffffffff81000000', 'init_task', '00 ?? 11'],
        use: (pattern) => opened.search({ pattern, limit: 10, physical: true }, {}),
      };
    },
  },
];

export const textTargets: readonly FuzzTarget[] = kinds.map(({ name, rounds, regressions, words, prepare }) => ({
  name: `text: ${name}`,
  rounds,
  regressions: regressions ?? [],
  prepare: () => {
    const { texts, use } = prepare();
    return {
      caseOf: (seed): FuzzCase => {
        const input = mutateText(texts[seed % texts.length] ?? '', seed, words);
        return {
          input,
          run: () => {
            use(input);
          },
        };
      },
    };
  },
}));
