/** `pagewalk ptov IMAGE PADDR…`: the virtual addresses that map physical ones. */
import type { PhysAddr } from '../base/address.ts';
import type { ProgressReporter } from '../base/cancellation.ts';
import type { ReverseMapFacts, ReverseMappingFacts } from '../protocol/facts.ts';
import type { SessionFace } from '../session/session-face.ts';
import { exitStatus } from './arguments.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** What stands behind `pagewalk ptov IMAGE PADDR`; `all` searches processes' tables too. */
export interface PtovOptions {
  readonly json?: true;
  readonly all?: true;
}

/** Exit status: 1 when nothing maps one of the addresses. */
export function ptovVerb(
  session: SessionFace,
  output: Output,
  asked: { readonly addresses: readonly PhysAddr[]; readonly options: PtovOptions },
): number {
  const { addresses, options } = asked;
  const all = options.all === true;
  const facts = withProgress(output, (progress) => session.reverseMap(addresses, { all, progress }));
  output.text(options.json === true ? json(facts) : ptovText(facts, all));
  if (options.json === undefined) for (const warning of facts.warnings) output.complain(`pagewalk: warning: ${warning}`);
  return facts.results.some(({ mappings }) => mappings.length === 0) ? exitStatus.notFound : exitStatus.fine;
}

/** Tells progress where there is a terminal, and takes the line away however `work` ends. */
function withProgress<Result>(output: Output, work: (progress: ProgressReporter | undefined) => Result): Result {
  const tell = output.progress;
  if (tell === undefined) return work(undefined);
  try {
    return work((step, done, total) => {
      tell(`${step}: ${done} of ${total}`);
    });
  } finally {
    tell();
  }
}

function ptovText(facts: ReverseMapFacts, all: boolean): string {
  let text = '';
  for (const { physical, mappings, total } of facts.results) {
    if (mappings.length === 0) {
      text += all
        ? `${physical}: nothing maps it (${facts.tables} page tables searched)\n`
        : `${physical}: no kernel address maps it; search the processes too with --all\n`;
      continue;
    }
    const told = total > mappings.length ? `${mappings.length} of about ${total}` : String(total);
    text += `${physical}: ${told} ${total === 1 ? 'address' : 'addresses'}\n`;
    for (const mapping of mappings) text += `  ${mappingText(mapping)}\n`;
  }
  return text;
}

function mappingText(mapping: ReverseMappingFacts): string {
  const { mm, user, comm, level, rights, what } = mapping;
  const owner = [mm, comm, user ? '(user half)' : ''].filter((part) => part !== '' && part !== null).join(' ');
  const allowed =
    rights === null ? 'no access' : `${rights.write ? 'RW' : 'ro'} ${rights.execute ? 'x ' : 'NX'} ${rights.user ? 'user' : 'kernel'}`;
  return [
    mapping.virtual.padEnd(18),
    owner.padEnd(16),
    `${level ?? 'window'} ${sizeText(mapping.pageSize)}`.padEnd(8),
    allowed.padEnd(12),
    what.summary,
  ].join('  ');
}

function sizeText(bytes: number): string {
  if (bytes >= 2 ** 30) return `${bytes / 2 ** 30}G`;
  return bytes >= 2 ** 20 ? `${bytes / 2 ** 20}M` : `${bytes / 1024}K`;
}
