/**
 * zlib streams of one dump page after the other. `inflateSync` makes a stream object and three buffers for each page, which
 * takes as long as decompressing half of it; here one stream's inner handle is set back and used again. The handle is not of
 * Node's public interface: where it does not do as expected with a stream that is known, `inflateSync` it is.
 */
import * as zlib from 'node:zlib';
import type { PlatformCodecs } from '../base/host.ts';

type Inflate = PlatformCodecs['inflate'];

/** The part of Node's handle that is used (lib/zlib.js:processChunkSync). */
interface Handle {
  reset(): void;
  /** Afterwards the stream's `_writeState` holds the bytes of output and of input that are left. */
  writeSync(...parameters: readonly [flush: number, ...input: BufferPart, ...output: BufferPart]): void;
}

type BufferPart = readonly [bytes: Uint8Array, offset: number, length: number];

interface InnerInflate {
  readonly handle: Handle;
  readonly left: Uint32Array;
  readonly failure: () => Error | undefined;
}

/** Decompresses RFC 1950 streams to at most `size` bytes; throws on corrupt input, and on more output. Costs nothing until it is used. */
export function pageInflate(): Inflate {
  let inflate: Inflate | undefined;
  return (input, size, room) => {
    inflate ??= reusedInflate();
    return inflate(input, size, room);
  };
}

function reusedInflate(): Inflate {
  let inner = openInner();
  if (inner === undefined || !isAsExpected(inner)) return plainInflate;
  return (input, size, room) => {
    inner ??= openInner();
    if (inner === undefined) return plainInflate(input, size);
    try {
      return inflateWith(inner, input, { size, room });
    } catch (error) {
      // An error closes the handle.
      inner = undefined;
      throw error;
    }
  };
}

function plainInflate(input: Uint8Array, size: number): Uint8Array {
  // One byte more than is wanted, so that one buffer of that size does instead of one of 16 KiB for every page.
  return zlib.inflateSync(input, { maxOutputLength: size, chunkSize: size + 1 });
}

function inflateWith(
  { handle, left, failure }: InnerInflate,
  input: Uint8Array,
  { size, room }: { readonly size: number; readonly room?: Uint8Array | undefined },
): Uint8Array {
  // Not cleared: what is not written is cut off. A stream that is cut off is told only where there is space for more.
  const space = size + 1;
  const output = room ?? new Uint8Array(Buffer.allocUnsafeSlow(space).buffer);
  handle.reset();
  handle.writeSync(zlib.constants.Z_FINISH, input, 0, input.length, output, 0, space);
  const error = failure();
  if (error !== undefined) throw error;
  const written = space - (left[0] ?? 0);
  if (written > size) throw new RangeError(`more than ${size} bytes`);
  return output.subarray(0, written);
}

function openInner(): InnerInflate | undefined {
  const stream = zlib.createInflate();
  let failed: Error | undefined;
  stream.on('error', (error) => {
    failed = error;
  });
  const handle: unknown = Reflect.get(stream, '_handle');
  const left: unknown = Reflect.get(stream, '_writeState');
  if (!isHandle(handle) || !(left instanceof Uint32Array)) return undefined;
  // The event comes later; the stream is destroyed at once.
  return { handle, left, failure: () => failed ?? (stream.destroyed ? (stream.errored ?? new Error('corrupt zlib data')) : undefined) };
}

function isHandle(value: unknown): value is Handle {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'reset') === 'function' &&
    typeof Reflect.get(value, 'writeSync') === 'function'
  );
}

function isAsExpected(inner: InnerInflate): boolean {
  const known = Uint8Array.from({ length: 100 }, (_, index) => index % 7);
  try {
    const packed = zlib.deflateSync(known);
    return [packed, packed].every((input) => Buffer.compare(inflateWith(inner, input, { size: 200 }), known) === 0);
  } catch {
    // Another Node than those known: the public way is there.
    return false;
  }
}
