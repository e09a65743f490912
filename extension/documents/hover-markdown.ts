/** The hover's text, in this order: what it is, what it belongs to, how it is mapped, where it lies, where to go. */
import * as vscode from 'vscode';
import type { IdentifyDetail, IdentifyFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import { pageSizeText } from '../../debug-adapter/protocol/page-size.ts';

/** Fields of a detail that its summary does not hold already. */
const shown: Readonly<Record<string, readonly string[]>> = {
  'vmap-block': ['block', 'free', 'dirty', 'cpu', 'kcore'],
  'user-vma': ['rights', 'start', 'end'],
};

/** What the session answered of one address; `mm`: the address space that was asked for. */
export interface HoverFacts {
  readonly facts: IdentifyFacts;
  readonly walk: TranslationFacts;
  /** Whose address space was asked, which is where the links lead; undefined for the one that the session has by itself. */
  readonly mm: string | undefined;
}

export function hoverMarkdown({ facts, walk, mm }: HoverFacts): vscode.MarkdownString {
  const text = new vscode.MarkdownString(undefined, true);
  text.isTrusted = { enabledCommands: ['pagewalk.openMemory', 'pagewalk.openPtdump', 'pagewalk.copyText', 'pagewalk.showTranslation'] };
  const [first, ...rest] = facts.details;
  text.appendMarkdown(`**${escape(first?.summary ?? facts.summary)}**\n\n`);
  text.appendMarkdown(`\`${facts.address}\`\n\n`);
  if (first !== undefined) appendFields(text, first);
  for (const detail of rest.filter(({ kind }) => kind !== 'unmapped')) {
    text.appendMarkdown(`- ${escape(detail.summary)}\n`);
  }
  if (rest.length > 0) text.appendMarkdown('\n');
  // The CPU walks no table for an address that is not canonical.
  if (facts.kind !== 'non-canonical') appendWalk(text, walk);
  const address = encodeURIComponent(JSON.stringify([{ address: facts.address, mm }]));
  const copy = encodeURIComponent(JSON.stringify([facts.address]));
  const links = [
    `[$(file-binary) ${vscode.l10n.t('Open memory')}](command:pagewalk.openMemory?${address})`,
    `[$(type-hierarchy) ${vscode.l10n.t('Show walk')}](command:pagewalk.showTranslation?${address})`,
    `[$(list-flat) ${vscode.l10n.t('Show in ptdump')}](command:pagewalk.openPtdump?${address})`,
    `[$(copy) ${vscode.l10n.t('Copy')}](command:pagewalk.copyText?${copy})`,
  ];
  text.appendMarkdown(`\n${links.join(' · ')}`);
  return text;
}

function appendFields(text: vscode.MarkdownString, detail: IdentifyDetail): void {
  const fields = (shown[detail.kind] ?? []).filter((name) => detail[name] !== null && detail[name] !== undefined);
  if (fields.length === 0) return;
  text.appendMarkdown(`${fields.map((name) => `${name} ${fieldText(String(detail[name]))}`).join(' · ')}\n\n`);
}

/** A number or a name as code; a sentence is prose. */
function fieldText(value: string): string {
  return value.includes(' ') ? escape(value) : `\`${value}\``;
}

function appendWalk(text: vscode.MarkdownString, walk: TranslationFacts): void {
  if (walk.levels.length > 0) {
    const heads = [vscode.l10n.t('level'), vscode.l10n.t('entry'), vscode.l10n.t('flags')];
    text.appendMarkdown(`| ${heads.join(' | ')} |\n| --- | --- | --- |\n`);
    for (const { level, entry, flags } of walk.levels) {
      text.appendMarkdown(`| ${level} | \`${entry}\` | ${flags.length === 0 ? vscode.l10n.t('empty') : flags.join(' ')} |\n`);
    }
    text.appendMarkdown('\n');
    for (const { level, defect } of walk.levels) {
      if (defect !== null) text.appendMarkdown(`$(error) ${vscode.l10n.t('Wrong at the {0}: {1}', level, escape(defect))}\n\n`);
    }
  }
  if (walk.physical !== null) {
    const { effective, cacheType } = walk;
    const rights =
      effective === null
        ? []
        : [`${effective.write ? 'RW' : 'ro'} ${effective.execute ? 'x' : 'NX'}${effective.user ? ` ${vscode.l10n.t('user')}` : ''}`];
    const page = vscode.l10n.t('Physical {0}, {1} page', `\`${walk.physical}\``, pageSizeText(walk.pageSize));
    text.appendMarkdown(`${[page, ...rights, ...(cacheType === null ? [] : [cacheType])].join(', ')}\n`);
  } else text.appendMarkdown(`$(warning) ${vscode.l10n.t('Not mapped: {0}', escape(walk.reason ?? vscode.l10n.t('no entry')))}\n`);
}

function escape(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|]/g, '\\$&');
}
