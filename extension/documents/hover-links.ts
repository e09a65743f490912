/** Words of the engine as Markdown: no markup of their own, and each address in them leads to its memory. */
import * as vscode from 'vscode';

/** Of a kernel address, also of a machine of 32 bits; or of any length where the words say that it is physical. */
const addresses = /(\bphysical )?(0x[0-9a-f]+)/g;
const leastDigits = 8;

/** The text as Markdown that shows just it: no markup, no links, no icons. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|$~!&]/g, '\\$&');
}

/** An address as code that leads to its bytes: in the address space `mm` (undefined: the session's own), or in physical memory. */
export function memoryLink(address: string, space: { readonly mm: string | undefined } | 'physical'): string {
  const where = encodeURIComponent(JSON.stringify([space === 'physical' ? { address, physical: true } : { address, ...space }]));
  return `[\`${address}\`](command:pagewalk.openMemory?${where} "${vscode.l10n.t('Open memory')}")`;
}

/** The words, escaped, with links for the addresses in them. */
export function linkAddresses(text: string, mm: string | undefined): string {
  let linked = '';
  let end = 0;
  for (const match of text.matchAll(addresses)) {
    const [whole, physical = '', address = ''] = match;
    if (physical === '' && address.length < leastDigits + '0x'.length) continue;
    linked += `${escapeMarkdown(text.slice(end, match.index))}${physical}${memoryLink(address, physical === '' ? { mm } : 'physical')}`;
    end = match.index + whole.length;
  }
  return linked + escapeMarkdown(text.slice(end));
}
