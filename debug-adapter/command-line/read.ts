/** `pagewalk read IMAGE ADDRESS LENGTH`: bytes of memory, what is missing of them, and what /proc/kcore would have said. */
import { formatAddress, toAddress, toPhysAddr } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import type { MemoryRead } from '../memory/hole.ts';
import type { Session } from '../session/session.ts';
import { unreadableFacts } from '../session/unreadable-facts.ts';
import { addressArgument, exitStatus, lengthArgument } from './arguments.ts';
import { hexDump } from './hex-dump.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** What stands behind `pagewalk read IMAGE ADDR LENGTH`, as commander hands it over. */
export interface ReadOptions {
  readonly json?: true;
  readonly symbols?: string;
  readonly types?: string;
  readonly vmlinux?: string;
  readonly base?: string;
  readonly mm?: string;
  readonly physical?: true;
  readonly raw?: true;
  readonly asKcore?: true;
}

/** Exit status: 1 when nothing could be read; undefined when it stays as it is. */
export function readVerb(
  session: Session,
  output: Output,
  asked: { readonly address: string; readonly length: string; readonly options: ReadOptions },
): number | undefined {
  const { options } = asked;
  if (options.asKcore === true && (options.physical === true || options.mm !== undefined))
    throw errors.badArgument('--as-kcore reads kernel addresses as /proc/kcore shows them; leave out --physical and --mm');
  const address = addressArgument(asked.address, session);
  const length = lengthArgument(asked.length);
  const kcore = options.asKcore === true ? session.readAsKcore(address, length) : undefined;
  const read = kcore ?? plainRead(session, { address, text: asked.address, length, options });
  const range = (part: { offset: number; length: number }): { start: string; end: string } => ({
    start: at(address, part.offset),
    end: at(address, part.offset + part.length),
  });
  const unreadable = unreadableFacts(address, read.holes);
  const differences = kcore?.differences.map((difference) => ({ ...range(difference), reason: difference.reason }));
  const missing = read.holes.reduce((sum, hole) => sum + hole.length, 0);
  const status = length > 0 && missing === read.bytes.length ? exitStatus.notFound : undefined;
  if (options.json === true) {
    const data = Buffer.from(read.bytes).toString('base64');
    output.text(json({ address: formatAddress(address), data, unreadable, ...(differences === undefined ? {} : { differences }) }));
    return status;
  }
  for (const { start, end, reason } of unreadable) output.complain(`pagewalk: ${start}-${end} cannot be read: ${reason}`);
  for (const { start, end, reason } of differences ?? []) output.complain(`pagewalk: ${start}-${end} is not what memory holds: ${reason}`);
  if (options.raw === true) output.bytes(read.bytes);
  else output.text(hexDump(address, read, session.memory().pointerSize * 2));
  return status;
}

function plainRead(
  session: Session,
  asked: { readonly address: Address; readonly text: string; readonly length: number; readonly options: ReadOptions },
): MemoryRead {
  const { address, text, length, options } = asked;
  if (options.physical !== true) return session.readVirtual(address, length, options.mm);
  if (address >= 1n << 53n) throw errors.badArgument(`${text} is no physical address; they lie below 2^53`);
  return session.readPhysical(toPhysAddr(address), length);
}

function at(address: Address, offset: number): string {
  return formatAddress(toAddress(BigInt.asUintN(64, address + BigInt(offset))));
}
