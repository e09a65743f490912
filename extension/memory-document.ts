/** Memory around an address as a hex document; bytes that are not there are drawn as not there, with the reason. */
import * as vscode from 'vscode';
import type { Sessions } from './sessions.ts';

const span = 4096;
const perLine = 16;

interface ReadMemory {
  readonly data?: string;
  readonly unreadableBytes?: number;
}

/** Opens the 4 KiB page that holds the address, as text; as `mm` sees it, by default the session's address space. */
export async function showMemory(sessions: Sessions, address: string, mm: string | undefined): Promise<void> {
  const space = mm === undefined ? {} : { mm };
  const session = sessions.current;
  if (session === undefined) throw new Error(vscode.l10n.t('No Pagewalk session is open; open an image first.'));
  const base = BigInt(address) & ~BigInt(span - 1);
  const lines: string[] = [];
  for (let offset = 0; offset < span;) {
    const at = `0x${(base + BigInt(offset)).toString(16)}`;
    const answer = (await session.customRequest('readMemory', { memoryReference: at, count: span - offset, ...space })) as ReadMemory;
    const bytes = Buffer.from(answer.data ?? '', 'base64');
    for (let line = 0; line < bytes.length; line += perLine)
      lines.push(hexLine(base + BigInt(offset + line), bytes.subarray(line, line + perLine)));
    offset += bytes.length;
    const missing = Math.min(answer.unreadableBytes ?? 0, span - offset);
    if (missing > 0) {
      const end = `0x${(base + BigInt(offset + missing)).toString(16)}`;
      lines.push(
        `0x${(base + BigInt(offset)).toString(16)}-${end}  not readable: ${await reasonFor(sessions, base + BigInt(offset), space)}`,
      );
      offset += missing;
    } else if (bytes.length === 0) break;
  }
  const document = await vscode.workspace.openTextDocument({ content: `${lines.join('\n')}\n`, language: 'plaintext' });
  await vscode.window.showTextDocument(document, { preview: true });
}

async function reasonFor(sessions: Sessions, address: bigint, space: { readonly mm?: string }): Promise<string> {
  const { results } = await sessions.request('pagewalk/translate', { addresses: [`0x${address.toString(16)}`], ...space });
  const [walk] = results;
  return walk?.reason ?? `physical ${walk?.physical ?? '?'} is not in the dump`;
}

function hexLine(address: bigint, bytes: Uint8Array): string {
  const hex = [...bytes].map((byte, column) => `${column === perLine / 2 ? ' ' : ''}${byte.toString(16).padStart(2, '0')}`).join(' ');
  const text = [...bytes].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return `0x${address.toString(16).padStart(16, '0')}  ${hex.padEnd(perLine * 3 + 1)} |${text}|`;
}
