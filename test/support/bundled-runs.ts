/** The memory of the bundled dump, to be put into other containers. */
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { joinBytes } from '../builders/elf-file.ts';
import { bundled } from './dumps.ts';

/** Its pages, those that follow each other in one piece. */
export function bundledRuns(): { start: number; data: Uint8Array }[] {
  const image = openImage(nodeHost(), [bundled.image]);
  const runs: { start: number; data: Uint8Array }[] = [];
  let run: Uint8Array[] = [];
  for (let frame = 0; frame <= 65_536; frame++) {
    const bytes = frame < 65_536 ? image.memory.frame(frame) : undefined;
    if (bytes !== undefined) run.push(bytes.slice());
    else if (run.length > 0) {
      runs.push({ start: (frame - run.length) * 4096, data: joinBytes(run) });
      run = [];
    }
  }
  image.close();
  return runs;
}
