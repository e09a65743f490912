/**
 * Questions that may take long, by name: a face asks them through a job runner (job-runner.ts), which has them answered in
 * a thread. Arguments and results are plain data.
 */
import { parseAddress, toPhysAddr } from '../base/address.ts';
import type { CancellationToken, ProgressReporter } from '../base/cancellation.ts';
import { errors } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import type { ScanState } from '../memory/memory-scan.ts';
import type { SearchFacts, SearchHit, SearchQuestion } from '../protocol/search.ts';
import type {
  FindingsFacts,
  Hex,
  PageCategoriesFacts,
  PtdumpDiffFacts,
  PagemapScanFacts,
  PagemapScanRequest,
  ReverseMapFacts,
} from '../protocol/facts.ts';
import { ptdumpDiffWith } from './ptdump-diff-facts.ts';
import type { PtdumpDiffQuestion } from './ptdump-diff-facts.ts';
import type { OpenOptions, SessionFace } from './session-face.ts';

/** Questions that take long, by name: what they take, and what they answer with. Both cross to a worker thread. */
export interface Jobs {
  /** Opens the image, and tells what its memory had to be searched for. */
  opening: { arguments: Record<string, never>; result: ScanState };
  findings: { arguments: { readonly mm: string | undefined }; result: FindingsFacts };
  pageCategories: { arguments: Record<string, never>; result: PageCategoriesFacts };
  ptdumpDiff: { arguments: PtdumpDiffQuestion; result: PtdumpDiffFacts };
  pagemapScan: { arguments: PagemapScanRequest; result: PagemapScanFacts };
  reverseMap: { arguments: { readonly physical: readonly Hex[]; readonly all: boolean }; result: ReverseMapFacts };
  search: { arguments: SearchQuestion; result: SearchFacts };
}

/** Names of those questions. */
export type JobName = keyof Jobs;

/** What a job has beside its question, on whichever thread it runs. */
export interface JobContext {
  /** Opens other images that a question names. */
  readonly host: Host;
  readonly token: CancellationToken;
  readonly progress: ProgressReporter;
  /** Hears of a search's hits before its answer. */
  readonly found?: ((hits: readonly SearchHit[]) => void) | undefined;
}

type Runners = {
  readonly [Name in JobName]: (session: SessionFace, asked: Jobs[Name]['arguments'], context: JobContext) => Jobs[Name]['result'];
};

const runners: Runners = {
  opening: (session) => {
    session.info();
    return session.scanned;
  },
  findings: (session, { mm }, { token, progress }) => session.findings({ mm, token, progress }),
  pageCategories: (session, _, { token, progress }) => session.pageCategories({ token, progress }),
  ptdumpDiff: (session, asked, context) => ptdumpDiffWith(session, asked, context),
  pagemapScan: (session, request, context) => session.pagemapScan(request, context.token),
  reverseMap: (session, { physical, all }, { token, progress }) =>
    session.reverseMap(
      physical.map((text) => {
        const address = parseAddress(text);
        if (address === undefined || address >= 1n << 53n) throw errors.badArgument(`${text} is no physical address; they lie below 2^53`);
        return toPhysAddr(address);
      }),
      { all, token, progress },
    ),
  search: (session, asked, context) => searchInBatches(session, asked, context),
};

/** Hits told in one message at most; fewer where progress is told meanwhile. */
const batch = 100;

function searchInBatches(session: SessionFace, asked: SearchQuestion, { token, progress, found }: JobContext): SearchFacts {
  if (found === undefined) return session.search(asked, { token, progress });
  let hits: SearchHit[] = [];
  const tell = (): void => {
    if (hits.length > 0) found(hits);
    hits = [];
  };
  const facts = session.search(asked, {
    token,
    progress: (step, done, total) => {
      tell();
      progress(step, done, total);
    },
    found: (hit) => {
      if (hits.push(hit) === batch) tell();
    },
  });
  tell();
  return facts;
}

/** Answers a job in this thread. Throws `UserError` and `Cancelled`. */
export function runJob<Name extends JobName>(
  session: SessionFace,
  job: { readonly name: Name; readonly asked: Jobs[Name]['arguments'] },
  context: JobContext,
): Jobs[Name]['result'] {
  return runners[job.name](session, job.asked, context);
}

/** What the starting thread sends. */
export interface JobMessage {
  readonly id: number;
  /** Which image the job is about: the same in each message to one thread. */
  readonly image: ImageChoice;
  readonly name: JobName;
  readonly asked: Jobs[JobName]['arguments'];
  /** Whether hits are to be told before the answer. */
  readonly tellsHits?: true;
  /** An Int32Array of one element, which is not 0 once nobody waits for the answer. */
  readonly cancelled: SharedArrayBuffer;
}

/** What the thread sends. */
export type JobReport = { readonly id: number } & (
  | { readonly kind: 'progress'; readonly step: string; readonly done: number; readonly total: number }
  | { readonly kind: 'found'; readonly hits: readonly SearchHit[] }
  | { readonly kind: 'answer'; readonly result: Jobs[JobName]['result'] }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'defect'; readonly message: string }
);

/** The part of the options of `openSession` that is plain data. */
export type ImageChoice = Pick<OpenOptions, 'paths' | 'symbols' | 'types' | 'vmlinux' | 'base' | 'cacheBytes'>;
