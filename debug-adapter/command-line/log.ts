/** `pagewalk log IMAGE`: the kernel log, as dmesg(1) prints it. */
import type { SessionFace } from '../session/session-face.ts';
import { json } from './output.ts';
import type { Output } from './output.ts';

/** What stands behind `pagewalk log IMAGE`, as commander hands it over. */
export interface LogOptions {
  readonly json?: true;
  readonly raw?: true;
}

/** Writes the text, or with `json` its facts. */
export function logVerb(session: SessionFace, output: Output, { json: asJson, raw }: LogOptions): void {
  output.text(asJson === true ? json(session.log()) : session.logText({ levels: raw === true }));
}
