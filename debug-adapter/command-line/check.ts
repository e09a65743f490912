/** `pagewalk check IMAGE`: what is wrong in it, a line a finding. */
import type { FindingFacts, FindingsFacts } from '../protocol/facts.ts';
import type { SessionFace } from '../session/session-face.ts';
import { exitStatus } from './arguments.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** What stands behind `pagewalk check IMAGE`, as commander hands it over. */
export interface CheckOptions {
  readonly json?: true;
  readonly mm?: string;
}

/** Exit status: 3 when there are findings. */
export function checkVerb(session: SessionFace, output: Output, options: CheckOptions): number {
  const facts = session.findings({
    mm: options.mm,
    progress:
      output.progress === undefined
        ? undefined
        : (step, done, total) => {
            output.progress?.(`${step}: ${done} of ${total}`);
          },
  });
  output.progress?.();
  output.text(options.json === true ? json(facts) : checkText(facts));
  if (options.json === undefined) for (const warning of facts.warnings) output.complain(`pagewalk: warning: ${warning}`);
  return facts.findings.length > 0 ? exitStatus.findings : exitStatus.fine;
}

function checkText(facts: FindingsFacts): string {
  const wide = Math.max(0, ...facts.findings.map(({ kind }) => kind.length));
  return `${facts.findings.map((finding) => `${findingText(finding, wide)}\n`).join('')}${summaryText(facts)}\n`;
}

function findingText(finding: FindingFacts, wide: number): string {
  const { kind, virtual, message } = finding;
  const space = [finding.mm, finding.comm ?? '', finding.user ? '(user half)' : ''].filter((part) => part !== '').join(' ');
  return `${kind.padEnd(wide)}  ${virtual.padEnd(18)}  ${space}: ${message}`;
}

function summaryText({ findings, tables, spaces, debugWx }: FindingsFacts): string {
  const counts = new Map<string, number>();
  for (const { kind } of findings) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
  const found = findings.length === 0 ? 'no findings' : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'} (${kinds})`;
  const where = `${tables} page tables of ${spaces} ${spaces === 1 ? 'root' : 'roots'}`;
  if (debugWx === null) return `${found} in ${where}`;
  const note = debugWx.note === null ? '' : ` (${debugWx.note})`;
  return `${found} in ${where}; the kernel's own check (DEBUG_WX) counts ${debugWx.pages} W+X ${debugWx.pages === 1 ? 'page' : 'pages'}${note}`;
}
