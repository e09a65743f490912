/** Memory around an address as a hex document; bytes that are not there are drawn as not there, with the reason. */
import * as vscode from 'vscode';
import type { Sessions } from './sessions.ts';

const span = 4096;
const perLine = 16;

interface ReadMemory {
  readonly data?: string;
  readonly unreadableBytes?: number;
  readonly unreadable?: readonly { readonly start: string; readonly end: string; readonly reason: string }[];
}

/** Opens the 4 KiB page that holds the address, as text; as `mm` sees it, by default the session's address space. */
export async function showMemory(sessions: Sessions, address: string, mm: string | undefined): Promise<void> {
  const space = mm === undefined ? {} : { mm };
  const session = sessions.current;
  if (session === undefined) throw new Error(vscode.l10n.t('No Pagewalk session is open; open an image first.'));
  const base = BigInt(address) & ~BigInt(span - 1);
  const lines: string[] = [];
  const read = (at: bigint, count: number): Thenable<ReadMemory> =>
    session.customRequest('readMemory', { memoryReference: hex(at), count, ...space }) as Thenable<ReadMemory>;
  const { unreadable = [] } = await read(base, span);
  const end = base + BigInt(span);
  const bytesOf = async (from: bigint, to: bigint): Promise<void> => {
    if (from >= to) return;
    const { data } = await read(from, Number(to - from));
    lines.push(...hexLines(from, Buffer.from(data ?? '', 'base64')));
  };
  let at = base;
  for (const hole of unreadable) {
    await bytesOf(at, BigInt(hole.start));
    lines.push(`${hole.start}-${hole.end}  not readable: ${hole.reason}`);
    // The last byte of all addresses is followed by 0.
    at = BigInt(hole.end) === 0n ? end : BigInt(hole.end);
  }
  await bytesOf(at, end);
  const document = await vscode.workspace.openTextDocument({ content: `${lines.join('\n')}\n`, language: 'plaintext' });
  await vscode.window.showTextDocument(document, { preview: true });
}

function hex(address: bigint): string {
  return `0x${address.toString(16)}`;
}

function hexLines(address: bigint, bytes: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(bytes.length / perLine) }, (_, line) =>
    hexLine(address + BigInt(line * perLine), bytes.subarray(line * perLine, (line + 1) * perLine)),
  );
}

function hexLine(address: bigint, bytes: Uint8Array): string {
  const columns = [...bytes].map((byte, column) => `${column === perLine / 2 ? ' ' : ''}${byte.toString(16).padStart(2, '0')}`).join(' ');
  const text = [...bytes].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return `0x${address.toString(16).padStart(16, '0')}  ${columns.padEnd(perLine * 3 + 1)} |${text}|`;
}
