/** Scenarios: those of the examples, damaged word by word, are parsed, checked, and run for a while on the machine that they ask for. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CancellationToken } from '../../../debug-adapter/base/cancellation.ts';
import { parse, runScenario } from '../../../debug-adapter/lsp/language-server.ts';
import { mutateText } from '../mutate-text.ts';
import { assertSentence } from '../target.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

const folder = join(import.meta.dirname, '../../../examples');

/** Short enough that damage meets what matters. */
const small = [
  'machine { ram 64M }\nlet a = vmalloc(64K)\nwrite(a, "text")\nexpect vtop(a).physical != 0\nvfree(a)\n',
  'let p = fork()\nas p { let m = mmap(1M, PROT_READ|PROT_WRITE)\n touch(m)\n munmap(m, 4K) }\nprint ptdump()[0]\n',
  'machine { paging x86-64-5; kaslr 7; cpus 2; with kasan }\nfor i in 0..20 { let b = vmalloc(i * 4K) if i % 3 == 0 { vfree(b) } }\nsnapshot one\ndiff one now\n',
  'let i = 0\nwhile i < 100 { i = i + 1 let a = vmap_ram(i) vm_unmap_ram(a, i) }\nprint "{i:x} {i:size}"\n',
];
const words = [
  'let',
  'for',
  'while',
  'if',
  'in',
  'expect',
  'fails',
  'as',
  'print',
  'snapshot',
  'restore',
  'diff',
  'machine',
  'ram',
  '1T',
  '64K',
  '0..9',
  'vmalloc',
  'vfree',
  'fork',
  'mmap',
  'munmap',
  'swap',
  'now',
  'identify',
  'bytes',
  'search',
];

/** Lets a run go on until it is asked the second time. */
function impatient(): CancellationToken {
  let asked = 0;
  return {
    get cancelled() {
      return ++asked > 1;
    },
  };
}

export const scenarioTargets: readonly FuzzTarget[] = [
  {
    name: 'scenarios',
    rounds: 60,
    regressions: [],
    prepare: () => {
      const examples = readdirSync(folder)
        .filter((file) => file.endsWith('.kmm'))
        .map((file) => readFileSync(join(folder, file), 'utf8'));
      const texts = [...small, ...small, ...examples];
      return {
        caseOf: (seed): FuzzCase => {
          const input = mutateText(texts[seed % texts.length] ?? '', seed, words);
          return {
            input,
            run: async () => {
              const { problems } = await parse(input);
              for (const { message } of problems) assertSentence(message);
              const outcome = await runScenario({ name: 'a.kmm', text: input }, impatient());
              if (outcome.kind === 'failed') assertSentence(outcome.message);
            },
          };
        },
      };
    },
  },
];
