import type { Failure } from '../scenario/scenario-run.ts';

/** `file:line:column: message`, counted from 1, as compilers tell. */
export function failureText(file: string, { message, range }: Failure): string {
  return `${file}:${range.start.line + 1}:${range.start.character + 1}: ${message}`;
}
