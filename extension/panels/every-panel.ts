/** Everything that shows a page, and what leads to one by way of questions. */
export { Overview } from '../documents/overview.ts';
export { chooseSides, compareAsText, sidesOfFiles, withAsk } from './compare.ts';
export { DiffPanel } from './diff-panel.ts';
export { MemoryPanel } from './memory-panel.ts';
export { PtdumpPanel } from './ptdump-panel.ts';
export { WalkPanel } from './walk-panel.ts';
export { pickSpace } from '../space-picker.ts';
