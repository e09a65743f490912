/** Everything here that a session can open: each format and each architecture that is present, and scenarios. */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { absent, bundled, dumpFolder, expandedDump } from '../support/dumps.ts';
import { debian, smallMachines } from '../support/processes.ts';

const examples = resolve(import.meta.dirname, '../../examples');

/** Launch arguments, the bundled example first; what is not here is told. */
export function soakedImages(tell: (line: string) => void): readonly [object, ...object[]] {
  const images: object[] = [];
  for (const name of [debian, ...smallMachines]) {
    const why = absent(name);
    if (why === undefined) images.push({ image: expandedDump(name, name === debian ? 'dump.elf' : 'vmcore.elf') });
    else tell(`SKIPPED ${name}: ${why}`);
  }
  const folder = dumpFolder(debian);
  if (folder !== undefined)
    for (const file of readdirSync(join(folder, 'mini')))
      if (/\.(?:kdump|flat|1)$/.test(file)) images.push({ image: join(folder, 'mini', file) });
  const scenarios = readdirSync(examples)
    .filter((file) => file.endsWith('.kmm'))
    .map((file) => ({ scenario: join(examples, file), stopOnEntry: true }));
  return [{ image: bundled.image }, ...images, ...scenarios];
}
