import type { Kernel } from '../kernel/kernel.ts';
import type { PtdumpLine } from '../protocol/requests.ts';
import type { PtdumpOptions } from './session-face.ts';
import type { Space } from './spaces.ts';
export function ptdumpLines(kernel: Kernel, space: Space, options: PtdumpOptions): readonly PtdumpLine[] { void kernel; void space; void options; return []; }
