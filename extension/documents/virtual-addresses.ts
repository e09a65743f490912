/** «Find Virtual Addresses of a Physical Address…»: every page table's, or the kernel's alone, as a document. */
import * as vscode from 'vscode';
import type { ReverseMapFacts, ReverseMappingFacts } from '../../debug-adapter/protocol/facts.ts';
import type { AnswerDocuments } from './answer-documents.ts';
import { isCancelled } from '../debugging/sessions.ts';
import { entryIndent, mappingRow } from './mapping-rows.ts';
import type { Sessions } from '../debugging/sessions.ts';

/** `argument`: `{ physical, all }`; what is missing is asked for. The adapter tells its progress, which VS Code shows and lets be cancelled. */
export async function findVirtualAddresses(sessions: Sessions, documents: AnswerDocuments, argument: unknown): Promise<void> {
  const given = (typeof argument === 'object' && argument !== null ? argument : {}) as { physical?: unknown; all?: unknown };
  const physical = typeof given.physical === 'string' ? given.physical : await askForPhysical();
  if (physical === undefined) return;
  const all = typeof given.all === 'boolean' ? given.all : await askWhere();
  if (all === undefined) return;
  let facts: ReverseMapFacts;
  try {
    facts = await sessions.request('pagewalk/reverseMap', { physical: [physical], all });
  } catch (error) {
    if (isCancelled(error)) return;
    throw error;
  }
  const uri = documents.add(`${all ? vscode.l10n.t('{0}, every page table', physical) : physical}.txt`, answerText(facts, all), {
    spaces: 'rows',
  });
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
}

function physicalOf(text: string): string | undefined {
  const digits = /^(?:0x)?([0-9a-f]+)$/i.exec(text.trim())?.[1];
  if (digits === undefined) return undefined;
  const address = BigInt(`0x${digits}`);
  return address < 1n << 53n ? `0x${address.toString(16)}` : undefined;
}

async function askForPhysical(): Promise<string | undefined> {
  const text = await vscode.window.showInputBox({
    title: vscode.l10n.t('Find virtual addresses'),
    prompt: vscode.l10n.t('A physical address'),
    placeHolder: '0x1000',
    validateInput: (value) =>
      physicalOf(value) === undefined ? vscode.l10n.t('Write 0x and hexadecimal digits; physical addresses lie below 2^53.') : undefined,
  });
  return text === undefined ? undefined : physicalOf(text);
}

/** Whether to search every page table. */
async function askWhere(): Promise<boolean | undefined> {
  const kernel = { label: vscode.l10n.t("The kernel's page table"), all: false };
  const every = {
    label: vscode.l10n.t('Every page table'),
    description: vscode.l10n.t('the kernel, the firmware, all processes'),
    all: true,
  };
  return (await vscode.window.showQuickPick([kernel, every], { title: vscode.l10n.t('Where to search') }))?.all;
}

function answerText(facts: ReverseMapFacts, all: boolean): string {
  const lines = facts.results.flatMap(({ physical, mappings, total }) => {
    if (mappings.length === 0) {
      return [
        all
          ? vscode.l10n.t('physical {0}: nothing maps it ({1} tables searched)', physical, facts.tables)
          : vscode.l10n.t('physical {0}: no kernel address maps it; search every page table to find it in processes', physical),
      ];
    }
    return [vscode.l10n.t('physical {0}: {1}', physical, countText(mappings.length, total)), '', ...mappings.flatMap(mappingLines)];
  });
  return [...lines, ...facts.warnings.map((warning) => vscode.l10n.t('warning: {0}', warning))].map((line) => `${line}\n`).join('');
}

function countText(told: number, total: number): string {
  if (total > told) return vscode.l10n.t('{0} of about {1} addresses', told, total);
  return total === 1 ? vscode.l10n.t('1 address') : vscode.l10n.t('{0} addresses', total);
}

function mappingLines(mapping: ReverseMappingFacts): string[] {
  const { level, pageSize, entry, entryAddress, flags, rights } = mapping;
  const allowed =
    rights === null
      ? vscode.l10n.t('no access')
      : [
          rights.write ? vscode.l10n.t('writable') : vscode.l10n.t('read-only'),
          rights.execute ? vscode.l10n.t('executable') : vscode.l10n.t('not executable'),
          ...(rights.user ? [vscode.l10n.t('user mode')] : []),
        ].join(', ');
  return [
    mappingRow(mapping, vscode.l10n.t('(user half)')),
    level === null || entry === null || entryAddress === null
      ? `${entryIndent}${vscode.l10n.t('a window of the hardware, which no table maps')}`
      : `${entryIndent}${vscode.l10n.t('{0} entry {1} at physical {2}, page of {3} bytes: {4}; {5}', level, entry, entryAddress, pageSize, flags.join(' '), allowed)}`,
  ];
}
