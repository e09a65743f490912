/** The page-table dumps that requests name: the session's, another image's, or a file's text; and two of them compared. */
import * as v from 'valibot';
import { errors } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import type { AddressSpaceFacts, PtdumpDiffFacts } from '../protocol/facts.ts';
import type { PtdumpLine } from '../protocol/requests.ts';
import type { FilteredPart } from '../session/list-part.ts';
import { ptdumpDiffFacts } from '../session/ptdump-diff-facts.ts';
import { openPtdumpSource, sessionSource } from '../session/ptdump-source.ts';
import type { PtdumpSource } from '../session/ptdump-source.ts';
import type { PtdumpOptions } from '../session/session-face.ts';
import type { Adapter, Call } from './adapter.ts';
import { check, hexSchema } from './check.ts';
import { tellProgress } from './progress.ts';
import { sessionAt } from './scenario-moments.ts';

const notEmpty = v.pipe(v.string(), v.minLength(1, 'it is empty'));

/** Path(s) of another image or of the text of a dump. */
export const otherSchema = v.optional(
  v.union([notEmpty, v.pipe(v.array(notEmpty), v.minLength(1, 'it names no file'))], 'it is a path, or a list of paths'),
);

const diffSchema = v.looseObject({
  before: otherSchema,
  mm: v.optional(v.string()),
  moment: v.optional(v.string()),
  otherMm: v.optional(v.string()),
  otherMoment: v.optional(v.string()),
  other: otherSchema,
  user: v.optional(v.boolean(), false),
  otherUser: v.optional(v.boolean()),
  range: v.optional(
    v.pipe(
      v.object({ start: hexSchema, end: hexSchema }),
      v.check(({ start, end }) => start < end, 'its end does not lie behind its start'),
    ),
  ),
});

/** Whose dump: another image's or a file's text, or the session's at a moment of its scenario. */
interface Whose {
  readonly other?: v.InferOutput<typeof otherSchema>;
  readonly moment?: string | undefined;
}

/** Compares what the arguments name, in a thread where images are read. Rejects with `UserError` where both sides are one. */
export async function ptdumpDiff(adapter: Adapter, parameters: unknown, call: Call): Promise<PtdumpDiffFacts> {
  const asked = check(diffSchema, parameters);
  const { user, otherMm, otherUser, range } = asked;
  if (asked.before !== undefined) return diffOfFiles(adapter.host, { ...asked, before: asked.before });
  const mm = asked.mm ?? adapter.mm;
  if (asked.moment !== undefined || asked.otherMoment !== undefined) return diffOfMoments(adapter, { ...asked, mm });
  if (asked.other === undefined && (otherMm ?? mm) === mm && (otherUser ?? user) === user) {
    throw errors.badArgument("there is nothing to compare with; give `other`, the path of an image or of a dump's text, or `otherMm`");
  }
  const other = typeof asked.other === 'string' ? [asked.other] : asked.other;
  const progress = tellProgress(adapter, call, 'Comparing page tables');
  try {
    const question = { mm, user, other, otherMm, otherUser, range };
    return await adapter.jobs.run('ptdumpDiff', question, { cancellation: call.cancellation, progress: progress.report });
  } finally {
    progress.end();
  }
}

/** Of one machine at two moments, or of a moment and another image. */
function diffOfMoments(adapter: Adapter, asked: v.InferOutput<typeof diffSchema>): PtdumpDiffFacts {
  const { mm, user, other, moment, otherMoment, otherMm, otherUser, range } = asked;
  if (other !== undefined && otherMoment !== undefined)
    throw errors.badArgument('`other` and `otherMoment` cannot both be what is compared with; leave one of them out');
  return withSource(adapter, { moment }, (one) =>
    withSource(adapter, { other, moment: otherMoment }, (two) => {
      const isText = two.pageTable === undefined;
      const after = { source: two, mm: otherMm ?? (isText ? undefined : mm), user: otherUser ?? (isText ? undefined : user) };
      return ptdumpDiffFacts({ source: one, mm, user }, after, { range });
    }),
  );
}

/** Neither side is the session's: the adapter need not have one, so this runs at once and not beside it. */
function diffOfFiles(
  host: Host,
  asked: v.InferOutput<typeof diffSchema> & { readonly before: string | readonly string[] },
): PtdumpDiffFacts {
  const { before, other, mm, otherMm, user, otherUser, range } = asked;
  if (other === undefined)
    throw errors.badArgument("there is nothing to compare with; give `other`, the path of an image or of a dump's text");
  const paths = (given: string | readonly string[]): readonly string[] => (typeof given === 'string' ? [given] : given);
  const one = openPtdumpSource(host, { paths: paths(before) });
  try {
    const two = openPtdumpSource(host, { paths: paths(other) });
    try {
      return ptdumpDiffFacts({ source: one, mm, user }, { source: two, mm: otherMm, user: otherUser }, { range });
    } finally {
      two.close();
    }
  } finally {
    one.close();
  }
}

/** The lines of a dump of the session, or of `other`. */
export function linesOf(adapter: Adapter, whose: Whose, options: PtdumpOptions): readonly PtdumpLine[] {
  return withSource(adapter, whose, (source) => source.lines(options));
}

/** The address spaces of the session, or of `other`. */
export function spacesOf(adapter: Adapter, whose: Whose, part?: FilteredPart): readonly AddressSpaceFacts[] {
  return withSource(adapter, whose, (source) => source.addressSpaces(part));
}

function withSource<Result>(adapter: Adapter, { other, moment }: Whose, use: (source: PtdumpSource) => Result): Result {
  const source =
    other === undefined
      ? sessionSource(sessionAt(adapter, moment))
      : openPtdumpSource(adapter.host, { paths: typeof other === 'string' ? [other] : other });
  try {
    return use(source);
  } finally {
    source.close();
  }
}
