/**
 * Runs dist/pagewalk.js with the arguments that this is given, and leaves V8's code cache of what it compiled beside it, under
 * the name that debug-adapter/main-program.ts looks for.
 */
import { createHash } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arch, platform, versions } from 'node:process';
import vm from 'node:vm';

const dist = join(import.meta.dirname, 'dist');
const { Script } = vm;

vm.Script = class extends Script {
  constructor(text, options) {
    super(text, { ...options, cachedData: undefined });
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
    const file = join(dist, `pagewalk-${digest}-${versions.v8}-${platform}-${arch}.cache`);
    process.on('exit', (status) => {
      if (status !== 0) return;
      writeFileSync(`${file}.${process.pid}`, this.createCachedData());
      renameSync(`${file}.${process.pid}`, file);
    });
  }
};
await import('./dist/pagewalk.js');
