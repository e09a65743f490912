/** The page-table dumps that requests name: the session's, another image's, or a file's text; and two of them compared. */
import * as v from 'valibot';
import { errors } from '../base/errors.ts';
import type { AddressSpaceFacts } from '../protocol/facts.ts';
import type { PagewalkRequests, PtdumpLine } from '../protocol/requests.ts';
import { ptdumpDiffFacts } from '../session/ptdump-diff-facts.ts';
import { openPtdumpSource, sessionSource } from '../session/ptdump-source.ts';
import type { PtdumpSource } from '../session/ptdump-source.ts';
import type { PtdumpOptions } from '../session/session-face.ts';
import type { Adapter } from './adapter.ts';
import { check, hexSchema } from './check.ts';

const notEmpty = v.pipe(v.string(), v.minLength(1, 'it is empty'));

/** Path(s) of another image or of the text of a dump. */
export const otherSchema = v.optional(
  v.union([notEmpty, v.pipe(v.array(notEmpty), v.minLength(1, 'it names no file'))], 'it is a path, or a list of paths'),
);

const diffSchema = v.looseObject({
  mm: v.optional(v.string()),
  otherMm: v.optional(v.string()),
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

type Other = v.InferOutput<typeof otherSchema>;

export function ptdumpDiff(adapter: Adapter, parameters: unknown): PagewalkRequests['pagewalk/ptdumpDiff']['body'] {
  const asked = check(diffSchema, parameters);
  const mm = asked.mm ?? adapter.mm;
  const otherUser = asked.otherUser ?? asked.user;
  if (asked.other === undefined && (asked.otherMm ?? mm) === mm && otherUser === asked.user) {
    throw errors.badArgument("there is nothing to compare with; give `other`, the path of an image or of a dump's text, or `otherMm`");
  }
  return withSource(adapter, asked.other, (other) => {
    const before = { source: sessionSource(adapter.session), mm, user: asked.user };
    const isText = other.pageTable === undefined;
    const after = {
      source: other,
      mm: asked.otherMm ?? (isText ? undefined : mm),
      user: asked.otherUser ?? (isText ? undefined : asked.user),
    };
    return ptdumpDiffFacts(before, after, { range: asked.range });
  });
}

/** The lines of a dump of the session, or of `other`. */
export function linesOf(adapter: Adapter, other: Other, options: PtdumpOptions): readonly PtdumpLine[] {
  return withSource(adapter, other, (source) => source.lines(options));
}

/** The address spaces of the session, or of `other`. */
export function spacesOf(adapter: Adapter, other: Other): readonly AddressSpaceFacts[] {
  return withSource(adapter, other, (source) => source.addressSpaces());
}

function withSource<Result>(adapter: Adapter, other: Other, use: (source: PtdumpSource) => Result): Result {
  const source =
    other === undefined
      ? sessionSource(adapter.session)
      : openPtdumpSource(adapter.host, { paths: typeof other === 'string' ? [other] : other });
  try {
    return use(source);
  } finally {
    source.close();
  }
}
