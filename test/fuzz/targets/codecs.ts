/** Compressed pages of real dumps, damaged: a page, fewer bytes, or a RangeError (zlib's own errors have a code). */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { codecFor } from '../../../debug-adapter/codec/codec.ts';
import { nodeHost } from '../../../debug-adapter/platform/node-host.ts';
import { readSmallKdump } from '../../builders/huge-kdump.ts';
import { codecFlags } from '../../builders/kdump.ts';
import { absent, dumpFolder } from '../../support/dumps.ts';
import { damagedBytes } from '../damaged-bytes.ts';
import type { FuzzTarget } from '../target.ts';

const debian = 'x86-64-debian-6.12';
const pageSize = 4096;

export const codecTargets: readonly FuzzTarget[] = (['zlib', 'lzo', 'snappy', 'zstd'] as const).map((codec) => ({
  name: `codec: ${codec}`,
  rounds: 4000,
  regressions: [],
  absent: absent(debian),
  prepare: () => {
    const { pages } = readSmallKdump(join(dumpFolder(debian) ?? '', 'mini', `mini-${codec}.kdump`));
    const streams = [...pages.values()].flatMap(({ stored }) => (stored?.flags === codecFlags[codec] ? [stored.data] : []));
    assert.ok(streams.length > 1000);
    // Our own zstd, whatever this Node has.
    const decompress = codecFor(codec, { ...nodeHost().codecs, zstd: undefined });
    return damagedBytes(streams, (input) => {
      try {
        const { length } = decompress(input, pageSize);
        assert.ok(length <= pageSize, `${length} bytes`);
      } catch (error) {
        const refused = error instanceof RangeError || (codec === 'zlib' && error instanceof Error && 'code' in error);
        if (!refused) throw error;
      }
    });
  },
}));
