/**
 * The hover's text, in this order: what it is, what it belongs to, how it is mapped, where it lies, where to go. VS Code shows
 * 250 pixels of a hover before it scrolls: what goes beyond the answer comes last.
 */
import * as vscode from 'vscode';
import type { IdentifyDetail, IdentifyFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import { pageSizeText } from '../../debug-adapter/protocol/page-size.ts';
import { escapeMarkdown, linkAddresses, memoryLink } from './hover-links.ts';

/** What the session answered of one address; `mm`: the address space that was asked for. */
export interface HoverFacts {
  readonly facts: IdentifyFacts;
  readonly walk: TranslationFacts;
  /** Whose address space was asked, which is where the links lead; undefined for the one that the session has by itself. */
  readonly mm: string | undefined;
}

/** The hover on a virtual address. */
export function hoverMarkdown({ facts, walk, mm }: HoverFacts): vscode.MarkdownString {
  const text = new vscode.MarkdownString(undefined, true);
  text.isTrusted = { enabledCommands: ['pagewalk.openMemory', 'pagewalk.openPtdump', 'pagewalk.copyText', 'pagewalk.showTranslation'] };
  text.appendMarkdown(`**${escapeMarkdown(facts.details[0]?.summary ?? facts.summary)}**\n\n`);
  appendBelongings(text, facts, mm);
  // The CPU walks no table for an address that is not canonical.
  if (facts.kind !== 'non-canonical') {
    appendLevels(text, walk);
    appendPlace(text, walk, facts.summary);
  }
  appendLinks(text, { address: facts.address, mm });
  // A block and its area say the same.
  for (const given of new Set(facts.details.map(({ kcore }) => kcore)))
    if (typeof given === 'string') text.appendMarkdown(`\n\n$(info) ${vscode.l10n.t('/proc/kcore gives {0}', linkAddresses(given, mm))}`);
  return text;
}

/** The hover on a physical address: what the memory there is used for, and where to go. */
export function physicalMarkdown({ address, summary, details }: IdentifyFacts): vscode.MarkdownString {
  const text = new vscode.MarkdownString(undefined, true);
  text.isTrusted = { enabledCommands: ['pagewalk.openMemory', 'pagewalk.findVirtualAddresses', 'pagewalk.copyText'] };
  const [first = { summary }, ...rest] = details;
  text.appendMarkdown(`**${escapeMarkdown(first.summary)}**\n\n`);
  const lines = [vscode.l10n.t('Physical {0}', `\`${address}\``), ...rest.map((detail) => linkAddresses(detail.summary, undefined))];
  text.appendMarkdown(`${lines.join('  \n')}\n\n`);
  const where = encodeURIComponent(JSON.stringify([{ address, physical: true }]));
  const find = encodeURIComponent(JSON.stringify([{ physical: address, all: true }]));
  const copy = encodeURIComponent(JSON.stringify([address]));
  const links = [
    `[$(file-binary) ${vscode.l10n.t('Open memory')}](command:pagewalk.openMemory?${where})`,
    `[$(list-flat) ${vscode.l10n.t('Who maps it')}](command:pagewalk.findVirtualAddresses?${find})`,
    `[$(copy) ${vscode.l10n.t('Copy')}](command:pagewalk.copyText?${copy})`,
  ];
  text.appendMarkdown(links.join(' · '));
  return text;
}

/** The address as the protocol has it, and whose it is, a line each. */
function appendBelongings(text: vscode.MarkdownString, { address, details }: IdentifyFacts, mm: string | undefined): void {
  const [first, ...rest] = details;
  const lines = [
    [`\`${address}\``, first === undefined ? '' : belongingText(first, mm)],
    ...rest.filter(({ kind }) => kind !== 'unmapped').map((detail) => [linkAddresses(detail.summary, mm), belongingText(detail, mm)]),
  ];
  text.appendMarkdown(`${lines.map((parts) => parts.filter((part) => part !== '').join(' · ')).join('  \n')}\n\n`);
}

/** What the summary of a detail does not hold already. */
function belongingText(detail: IdentifyDetail, mm: string | undefined): string {
  switch (detail.kind) {
    case 'vmap-block': {
      const words = [`vmap_block ${memoryLink(String(detail['block']), { mm })}`];
      if (typeof detail['cpu'] === 'number') words.push(`CPU ${detail['cpu']}`);
      words.push(vscode.l10n.t('{0} free, {1} dirty', String(detail['free']), String(detail['dirty'])));
      return words.join(' · ');
    }
    case 'symbol':
      return detail['module'] === null ? sectionText(String(detail['type'])) : '';
    case 'user-vma':
      return linkAddresses(`${String(detail['start'])}-${String(detail['end'])}`, mm);
    default:
      return typeof detail['vmapArea'] === 'string' ? `vmap_area ${memoryLink(detail['vmapArea'], { mm })}` : '';
  }
}

/** By the letter that kallsyms has for a symbol, as nm(1) explains it. */
function sectionText(type: string): string {
  switch (type.toLowerCase()) {
    case 't':
      return vscode.l10n.t('kernel text');
    case 'r':
      return vscode.l10n.t('read-only data of the kernel');
    case 'd':
      return vscode.l10n.t('data of the kernel');
    case 'b':
      return vscode.l10n.t('bss of the kernel');
    default:
      return '';
  }
}

/** The walk in small: a line a level, in columns. */
function appendLevels(text: vscode.MarkdownString, { levels }: TranslationFacts): void {
  if (levels.length === 0) return;
  const rows = levels.map(({ level, index, entry, flags }) => ({
    table: `${level}[${index}]`,
    entry,
    flags: flags.length === 0 ? vscode.l10n.t('empty') : flags.join(' '),
  }));
  const [first, second] = [Math.max(...rows.map(({ table }) => table.length)), Math.max(...rows.map(({ entry }) => entry.length))];
  text.appendCodeblock(
    rows.map(({ table, entry, flags }) => `${table.padEnd(first)}  ${entry.padEnd(second)}  ${flags}`).join('\n'),
    'plaintext',
  );
  for (const { level, defect } of levels) {
    if (defect !== null) text.appendMarkdown(`$(error) ${vscode.l10n.t('Wrong at the {0}: {1}', level, escapeMarkdown(defect))}\n\n`);
  }
}

/** Where the byte lies, and what the levels together allow; or why it lies nowhere, unless `told` says so. */
function appendPlace(text: vscode.MarkdownString, walk: TranslationFacts, told: string): void {
  const { physical, pfn, pageSize, effective, cacheType, reason } = walk;
  if (physical === null) {
    if (reason === null || !told.includes(reason))
      text.appendMarkdown(`$(warning) ${vscode.l10n.t('Not mapped: {0}', escapeMarkdown(reason ?? vscode.l10n.t('no entry')))}\n\n`);
    return;
  }
  const parts = [
    vscode.l10n.t('Physical {0}', memoryLink(physical, 'physical')),
    `pfn ${pfn === null ? '–' : `\`0x${pfn.toString(16)}\``}`,
    vscode.l10n.t('{0} page', pageSizeText(pageSize)),
  ];
  if (effective !== null) parts.push(`${effective.write ? 'RW' : 'ro'} ${effective.execute ? 'x' : 'NX'}${effective.user ? ' USR' : ''}`);
  if (cacheType !== null) parts.push(cacheType);
  text.appendMarkdown(`${parts.join(' · ')}\n\n`);
}

function appendLinks(text: vscode.MarkdownString, { address, mm }: { readonly address: string; readonly mm: string | undefined }): void {
  const at = encodeURIComponent(JSON.stringify([{ address, mm }]));
  const copy = encodeURIComponent(JSON.stringify([address]));
  const links = [
    `[$(file-binary) ${vscode.l10n.t('Open memory')}](command:pagewalk.openMemory?${at})`,
    `[$(type-hierarchy) ${vscode.l10n.t('Show walk')}](command:pagewalk.showTranslation?${at})`,
    `[$(list-flat) ${vscode.l10n.t('Show in ptdump')}](command:pagewalk.openPtdump?${at})`,
    `[$(copy) ${vscode.l10n.t('Copy')}](command:pagewalk.copyText?${copy})`,
  ];
  text.appendMarkdown(links.join(' · '));
}
