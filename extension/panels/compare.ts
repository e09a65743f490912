/** «Compare ptdump…» and its plain form: two page-table dumps side by side, or the kernel's texts in VS Code's own diff editor. */
import * as vscode from 'vscode';
import { AdapterProcess } from '../debugging/adapter-process.ts';
import type { AnswerDocuments } from '../documents/answer-documents.ts';
import { choiceOf } from './compare-requests.ts';
import type { Sides } from './compare-requests.ts';
import { givenSide, member, pickSide, sideOfFile } from './compare-sides.ts';
import type { Ask, Side } from './compare-sides.ts';
import type { Sessions } from '../debugging/sessions.ts';

const linesAtOnce = 5000;

/** Runs `use` with who can be asked: the session, or where none is open an adapter that lasts as long as `use`. */
export async function withAsk<Result>(
  context: vscode.ExtensionContext,
  sessions: Sessions,
  use: (ask: Ask) => Promise<Result>,
): Promise<Result> {
  if (sessions.current !== undefined) return use((name, parameters) => sessions.request(name, parameters));
  const own = new AdapterProcess(context);
  try {
    return await use((name, parameters) => own.request(name, parameters));
  } finally {
    own.dispose();
  }
}

/**
 * `argument`: a node of the page-table tree, or `{ before, after }`, each `{ mm }` or `{ file }`; what is missing is asked
 * for. Undefined when the user cancels.
 */
export async function chooseSides(ask: Ask, sessions: Sessions, argument: unknown): Promise<Sides | undefined> {
  const choice = { ofSession: sessions.current !== undefined };
  const given = async (of: unknown, to?: Side): Promise<Side | undefined> => {
    const file = member(of, 'file');
    if (typeof file === 'string') return sideOfFile(ask, file, to);
    return choice.ofSession ? givenSide(ask, of) : undefined;
  };
  const first = (await given(member(argument, 'before') ?? argument)) ?? (await pickSide(ask, choice));
  if (first === undefined) return undefined;
  const after = member(argument, 'after');
  const second = after === undefined ? await pickSide(ask, choice, first) : await given(after, first);
  return second && { first, second };
}

/** The two files that are selected in the explorer. */
export async function sidesOfFiles(ask: Ask, files: readonly vscode.Uri[]): Promise<Sides | undefined> {
  const [one, other] = files;
  if (one === undefined || other === undefined || files.length > 2)
    throw new Error(vscode.l10n.t('Select two images, or files of page-table dumps, to compare them.'));
  const first = await sideOfFile(ask, one.fsPath);
  const second = first && (await sideOfFile(ask, other.fsPath, first));
  return second && { first, second };
}

/** The plain texts in the diff editor. */
export async function compareAsText(ask: Ask, documents: AnswerDocuments, { first, second }: Sides): Promise<void> {
  const title = `${first.label} ↔ ${second.label}`;
  const uris = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Reading {0}', title), cancellable: true },
    async (_progress, token) => {
      const original = await documentOf(ask, documents, { side: first, token });
      const modified = original && (await documentOf(ask, documents, { side: second, token }));
      return original && modified && { original, modified };
    },
  );
  if (uris !== undefined) await vscode.commands.executeCommand('vscode.diff', uris.original, uris.modified, title, { preview: true });
}

/** A file of text is shown itself; a page table's text is asked for. Undefined when the user cancels. */
async function documentOf(
  ask: Ask,
  documents: AnswerDocuments,
  of: { side: Side; token: vscode.CancellationToken },
): Promise<vscode.Uri | undefined> {
  const { mm, other, moment, label } = of.side;
  if (other !== undefined && mm === undefined) return vscode.Uri.file(other);
  const lines: string[] = [];
  for (;;) {
    const page = await ask('pagewalk/ptdump', { ...choiceOf(of.side), start: lines.length, count: linesAtOnce });
    if (of.token.isCancellationRequested) return undefined;
    for (const { text } of page.lines) lines.push(text);
    if (page.lines.length === 0 || lines.length >= page.total) break;
  }
  // Another image has other processes, of which the session knows nothing.
  const source = { ...(other === undefined && mm !== undefined && { mm }), ...((other ?? moment) !== undefined && { elsewhere: label }) };
  return documents.add(`${label}.ptdump`, lines.map((line) => `${line}\n`).join(''), source);
}
