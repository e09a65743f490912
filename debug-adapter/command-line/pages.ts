/** `pagewalk pages IMAGE`: pages by category, in the table of makedumpfile's --mem-usage. */
import type { ProgressReporter } from '../base/cancellation.ts';
import type { PageCategoriesFacts } from '../protocol/facts.ts';
import type { SessionFace } from '../session/session-face.ts';
import { exitStatus } from './arguments.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** What stands behind `pagewalk pages IMAGE`, as commander hands it over. */
export interface PagesOptions {
  readonly json?: true;
}

/** Gives the exit status. Counts in this thread, with progress on a terminal. */
export function pagesVerb(session: SessionFace, output: Output, options: PagesOptions): number {
  const facts = counted(session, output);
  output.text(options.json === true ? json(facts) : pagesText(facts));
  if (options.json === undefined) for (const warning of facts.warnings) output.complain(`pagewalk: warning: ${warning}`);
  return exitStatus.fine;
}

function counted(session: SessionFace, output: Output): PageCategoriesFacts {
  const tell = output.progress;
  if (tell === undefined) return session.pageCategories({});
  const progress: ProgressReporter = (step, done, total) => {
    tell(`${step}: ${done} of ${total}`);
  };
  try {
    return session.pageCategories({ progress });
  } finally {
    tell();
  }
}

/** makedumpfile.c:print_mem_usage, its trailing blanks too; below, what it does not tell, where there is any. */
function pagesText(facts: PageCategoriesFacts): string {
  const { categories, pageSize, total } = facts;
  const count = (value: number): string => String(value).padEnd(16);
  const row = (type: string, value: number, what: string): string => `${type}${type.length < 8 ? '\t\t' : '\t'}${count(value)}\t${what}\n`;
  const others: [string, number][] = [
    ['Hwpoison pages:\t\t', facts.hwpoison],
    ['Offline pages:\t\t', facts.offline],
    ['No struct page in dump:\t', facts.holes],
  ];
  return [
    '\n',
    'TYPE\t\tPAGES\t\t\tEXCLUDABLE\tDESCRIPTION\n',
    `${'-'.repeat(70)}\n`,
    row('ZERO', categories.zero, 'yes\t\tPages filled with zero'),
    row('NON_PRI_CACHE', categories.cache, 'yes\t\tCache pages without private flag'),
    row('PRI_CACHE', categories.cachePrivate, 'yes\t\tCache pages with private flag'),
    row('USER', categories.user, 'yes\t\tUser process pages'),
    row('FREE', categories.free, 'yes\t\tFree pages'),
    row('KERN_DATA', categories.kernel, 'no\t\tDumpable kernel data '),
    '\n',
    `page size:\t\t${count(pageSize)}\n`,
    `Total pages on system:\t${count(total)}\n`,
    `Total size on system:\t${count(total * pageSize)} Byte\n`,
    ...others.flatMap(([label, value]) => (value === 0 ? [] : [`${label}${count(value)}\n`])),
  ].join('');
}
