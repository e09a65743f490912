/** Requests that a session on a scenario answers otherwise than one on a dump. */
import type { Handler } from './adapter.ts';
import { breakpointHandlers } from './scenario-breakpoints.ts';
import { scenarioEvaluationHandlers } from './scenario-evaluation.ts';
import { runningHandlers } from './scenario-running.ts';
import { stackHandlers } from './scenario-stack.ts';

/** What a scenario's session answers otherwise than a dump's, by the request's name. */
export const scenarioHandlers: Readonly<Record<string, Handler>> = {
  ...runningHandlers,
  ...breakpointHandlers,
  ...stackHandlers,
  ...scenarioEvaluationHandlers,
};
