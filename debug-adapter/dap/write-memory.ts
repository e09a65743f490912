/** writeMemory: a scenario's RAM, which going back undoes; of a dump a layer over its memory ("what if"), never the file. */
import * as v from 'valibot';
import { addToAddress, formatAddress, parseAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { WrittenPiece } from '../memory/written-memory.ts';
import type { SessionFace } from '../session/session-face.ts';
import type { Adapter, Answer, Handler } from './adapter.ts';
import { check } from './check.ts';

const schema = v.looseObject({
  memoryReference: v.string(),
  offset: v.optional(v.pipe(v.number(), v.integer('it is a whole number')), 0),
  allowPartial: v.optional(v.boolean(), false),
  data: v.pipe(v.string(), v.base64('it is not base64')),
  /** Not of the protocol: an address space other than the session's. */
  mm: v.optional(v.string()),
});

function writeMemory(adapter: Adapter, parameters: unknown): Answer {
  const { memoryReference, offset, allowPartial, data, mm = adapter.mm } = check(schema, parameters);
  adapter.scenario?.needStopped();
  const base = parseAddress(memoryReference);
  if (base === undefined) throw errors.badArgument(`${memoryReference} is no address`);
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  if (bytes.length > limits.writtenBytes)
    throw errors.limit(`one request writes at most ${limits.writtenBytes} bytes, not ${bytes.length}`);
  const { pieces, written, problem } = piecesOf(adapter.session, { address: addToAddress(base, offset), bytes, mm });
  if (problem !== undefined && (!allowPartial || written === 0)) throw errors.badArgument(problem);
  if (adapter.scenario === undefined) adapter.write(pieces);
  else adapter.scenario.debugger.write(pieces);
  return {
    body: { bytesWritten: written },
    afterwards: () => {
      adapter.changed();
    },
  };
}

/** Where the bytes lie in physical memory; up to the first that is not there, with the reason. */
function piecesOf(
  session: SessionFace,
  { address, bytes, mm }: { readonly address: Address; readonly bytes: Uint8Array; readonly mm: string | undefined },
): { readonly pieces: readonly WrittenPiece[]; readonly written: number; readonly problem: string | undefined } {
  const [hole] = session.readVirtual(address, bytes.length, mm).holes;
  const end = hole?.offset ?? bytes.length;
  const memory = session.memory(mm);
  const pieces: WrittenPiece[] = [];
  for (let done = 0; done < end;) {
    const at = addToAddress(address, done);
    const inFrame = Number(at & 0xfffn);
    const part = Math.min(end - done, frameSize - inFrame);
    pieces.push({ address: memory.frameOf(Number(at >> 12n)) * frameSize + inFrame, bytes: bytes.subarray(done, done + part) });
    done += part;
  }
  const problem =
    hole === undefined ? undefined : `${formatAddress(addToAddress(address, hole.offset))} cannot be written: ${hole.reason.message}`;
  return { pieces, written: end, problem };
}

/** Handle `writeMemory`: into an overlay of the image, never into its file. */
export const writeHandlers: Readonly<Record<string, Handler>> = { writeMemory };
