/** Everything that shows a page, what leads to one by way of questions, and answers that are asked for by command. */
export { Overview } from '../documents/overview.ts';
export { findVirtualAddresses } from '../documents/virtual-addresses.ts';
export { chooseSides, compareAsText, sidesOfFiles, withAsk } from './compare.ts';
export { DiffPanel } from './diff-panel.ts';
export { MemoryPanel } from './memory-panel.ts';
export { PtdumpPanel } from './ptdump-panel.ts';
export { WalkPanel } from './walk-panel.ts';
export { pickSpace } from '../space-picker.ts';
