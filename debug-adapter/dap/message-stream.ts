/**
 * Lets whole messages through to the protocol's server, which keeps and copies whatever it is sent: a message that is announced
 * to be longer than any request is skipped as it comes, and a stream whose headers are not the protocol's is not read on. (A web
 * page can have a browser post anything to a port of the loopback: what comes so begins with a header of HTTP.)
 */
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import { limits } from '../base/limits.ts';

const headerEnd = '\r\n\r\n';
const field = /^Content-(?:Length: *(\d{1,15})|Type: *[\x20-\x7e]*)$/i;

/** What is said of input that is not let through. */
interface Listeners {
  /** A message of `bytes` bytes is skipped. */
  readonly tooLong: (bytes: number) => void;
  /** No further message can be found. Nothing comes after it. */
  readonly notTheProtocol: () => void;
}

/** Passes on complete messages; `listeners` hear of what was skipped and why the stream ends. */
export class MessageStream extends Transform {
  readonly #listeners: Listeners;
  /** The header so far, or the message's bytes so far. */
  #parts: Buffer[] = [];
  #held = 0;
  /** Bytes that the message lacks; undefined within a header. */
  #lacking: number | undefined;
  #skips = false;
  #broken = false;

  constructor(listeners: Listeners) {
    super();
    this.#listeners = listeners;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let rest = chunk;
    while (rest.length > 0 && !this.#broken) rest = this.#lacking === undefined ? this.#header(rest) : this.#body(rest, this.#lacking);
    done();
  }

  /** Takes the bytes of a header; gives what is behind it. */
  #header(bytes: Buffer): Buffer {
    const held = this.#held;
    // It ends in the new bytes, or begins its end with the last three of the old.
    const text = Buffer.concat([...this.#parts, bytes.subarray(0, limits.requestHeaderBytes + headerEnd.length)]);
    const end = text.indexOf(headerEnd, Math.max(0, held - headerEnd.length + 1));
    if (end < 0) {
      this.#parts = [text];
      this.#held = text.length;
      if (text.length > limits.requestHeaderBytes) this.#break();
      return bytes.subarray(text.length - held);
    }
    const fields = text
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line) => field.exec(line));
    const lengths = fields.flatMap((found) => (found?.[1] === undefined ? [] : [Number(found[1])]));
    const [length] = lengths;
    if (fields.includes(null) || length === undefined || lengths.length > 1) {
      this.#break();
      return bytes.subarray(bytes.length);
    }
    this.#lacking = length;
    this.#skips = length > limits.requestBytes;
    this.#parts = [];
    this.#held = 0;
    if (this.#skips) this.#listeners.tooLong(length);
    return bytes.subarray(end + headerEnd.length - held);
  }

  #body(bytes: Buffer, lacking: number): Buffer {
    const part = bytes.subarray(0, lacking);
    if (!this.#skips) this.#parts.push(part);
    this.#lacking = lacking - part.length;
    if (this.#lacking === 0) {
      if (!this.#skips) this.#pass();
      this.#parts = [];
      this.#lacking = undefined;
    }
    return bytes.subarray(part.length);
  }

  #pass(): void {
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0);
    this.push(Buffer.concat([Buffer.from(`Content-Length: ${length}${headerEnd}`), ...this.#parts]));
  }

  #break(): void {
    this.#broken = true;
    this.#parts = [];
    this.#listeners.notTheProtocol();
  }
}
