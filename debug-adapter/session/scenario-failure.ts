import type { TextRange } from '../scenario/scenario-error.ts';

/** `file:line:column: message`, counted from 1, as compilers tell. */
export function failureText(file: string, { message, range }: { readonly message: string; readonly range: TextRange }): string {
  return `${file}:${range.start.line + 1}:${range.start.character + 1}: ${message}`;
}
