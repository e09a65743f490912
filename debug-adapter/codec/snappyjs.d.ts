declare module 'snappyjs' {
  /** Throws when the block is malformed or longer than `maximum` bytes. */
  export function uncompress(input: Uint8Array, maximum: number): Uint8Array;
}
