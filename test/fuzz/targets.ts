/** All that takes input from outside, in one table. */
import type { FuzzTarget } from './target.ts';
import { builtLogTargets } from './targets/built-logs.ts';
import { codecTargets } from './targets/codecs.ts';
import { conversationTargets } from './targets/conversations.ts';
import { debugInformationTargets } from './targets/debug-information.ts';
import { expressionTargets } from './targets/expressions.ts';
import { imageTargets } from './targets/images.ts';
import { pagemapScanTargets } from './targets/pagemap-scan.ts';
import { pageTableTargets } from './targets/page-tables.ts';
import { protocolTargets } from './targets/protocols.ts';
import { scenarioTargets } from './targets/scenarios.ts';
import { sessionTargets } from './targets/sessions.ts';
import { structureTargets } from './targets/structures.ts';
import { textTargets } from './targets/texts.ts';

export const targets: readonly FuzzTarget[] = [
  ...imageTargets,
  ...codecTargets,
  ...pageTableTargets,
  ...textTargets,
  ...debugInformationTargets,
  ...expressionTargets,
  ...scenarioTargets,
  ...pagemapScanTargets,
  ...protocolTargets,
  ...conversationTargets,
  ...sessionTargets,
  ...structureTargets,
  ...builtLogTargets,
];
