/** A whole session on a damaged dump, in containers of every kind: every question is answered or refused with a sentence. */
import { readFileSync } from 'node:fs';
import { UserError } from '../../../debug-adapter/base/errors.ts';
import { openSession } from '../../../debug-adapter/session/session.ts';
import { joinBytes } from '../../builders/elf-file.ts';
import { buildFlattened } from '../../builders/flattened.ts';
import { avmlRecord, limeRecord } from '../../builders/lime-file.ts';
import { bundledRuns } from '../../support/bundled-runs.ts';
import { bundled } from '../../support/dumps.ts';
import { memoryHost } from '../../support/memory-host.ts';
import { damagedBytes } from '../damaged-bytes.ts';
import { questions } from '../questions.ts';
import { assertSentence } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

/** The bundled dump, which is whole in itself, in containers of every kind. */
const containers: Record<string, () => Uint8Array> = {
  'kdump-compressed': () => readFileSync(bundled.image),
  flattened: () => {
    const bytes = readFileSync(bundled.image);
    const records = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, index) => ({
      offset: index * 65_536,
      bytes: bytes.subarray(index * 65_536, (index + 1) * 65_536),
    }));
    return buildFlattened({ records });
  },
  LiME: () => joinBytes(bundledRuns().map(({ start, data }) => limeRecord(start, data))),
  AVML: () => joinBytes(bundledRuns().map(({ start, data }) => avmlRecord(start, data))),
};

export const sessionTargets: readonly FuzzTarget[] = Object.entries(containers).map(([container, bytesOf]) => ({
  name: `session: ${container}`,
  rounds: 2,
  regressions: [],
  prepare: () =>
    damagedBytes([bytesOf()], (input) => {
      const session = openSession(memoryHost({ damaged: input }), { paths: ['damaged'] });
      for (const ask of Object.values(questions)) {
        try {
          ask(session);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          assertSentence(error.message);
        }
      }
      session.close();
    }),
}));
