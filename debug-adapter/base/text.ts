/** Text from bytes. `TextDecoder` is part of every platform Pagewalk runs on, but not of ECMAScript's own types. */
declare class TextDecoder {
  constructor(label: string);
  decode(bytes: Uint8Array): string;
}

declare class TextEncoder {
  encode(text: string): Uint8Array;
}

const utf8 = new TextDecoder('utf-8');

/** Decodes UTF-8; bytes that are not valid become U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** Explicit directional embeddings, overrides and isolates (Unicode annex 9): what follows is shown in another order than it has. */
const turning = /[\u202a-\u202e\u2066-\u2069]/g;

/** Decodes what a machine called something: characters that would make a reader see another name stand as their number, `\u202e`. */
export function decodeName(bytes: Uint8Array): string {
  return utf8.decode(bytes).replace(turning, escaped);
}

/** Decodes the bytes before the first NUL, as `decodeName` does. */
export function decodeCString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Control characters but tab and line feed, which a terminal obeys, and those that turn the direction of writing. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** `text` as a terminal may have it, which would move its cursor or set its title where a name from a dump says so. */
export function forTerminal(text: string): string {
  return text.replace(obeyed, escaped);
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}

const latin1 = new TextDecoder('latin1');

/** One character for each byte, for searching bytes with the speed of a string search. Bytes above 0x7f are not kept apart. */
export function decodeLatin1(bytes: Uint8Array): string {
  return latin1.decode(bytes);
}

/** Encodes text as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Decodes UTF-8 without the NULs at its end. (A regular expression takes minutes over a megabyte of them.) */
export function decodePadded(bytes: Uint8Array): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return utf8.decode(bytes.subarray(0, end));
}

/** Control characters, line and paragraph separators, and those that turn the direction of writing: none shows what it is. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const unseen = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** `text` with `?` for every character that breaks the line or is not seen, cut to at most `most` characters. */
export function oneLine(text: string, most: number): string {
  return (text.length > most ? `${text.slice(0, most)}…` : text).replace(unseen, '?');
}
