/** Names and types given from outside, as files. */
import { errors } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import { decodeText } from '../base/text.ts';
import type { OutsideSources } from '../kernel/open-kernel.ts';
import { openBtf } from '../symbols/btf.ts';
import { parseTextSymbols } from '../symbols/text-symbols.ts';
import type { OpenOptions } from './session-face.ts';

/** Files are read when the kernel first needs them; a missing one is told then, with its option's name in the path. */
export function outsideSources(host: Host, options: OpenOptions): OutsideSources {
  if (options.vmlinux !== undefined) {
    throw errors.notSupported(
      `vmlinux ${options.vmlinux}: reading a vmlinux is not supported yet; give --symbols System.map and --types BTF instead`,
    );
  }
  const { symbols, types } = options;
  return {
    symbols:
      symbols === undefined
        ? undefined
        : (kernel) => {
            const text = decodeText(readWhole(host, symbols));
            const start = kernel.vmcoreinfo?.symbol('_stext');
            return parseTextSymbols(text, symbols, start === undefined ? undefined : { name: '_stext', address: start });
          },
    types:
      types === undefined
        ? undefined
        : (kernel) =>
            openBtf(readWhole(host, types), {
              littleEndian: kernel.machine.littleEndian,
              pointerSize: kernel.machine.pointerSize,
              source: types,
            }),
  };
}

function readWhole(host: Host, path: string): Uint8Array {
  const source = host.openFile(path);
  try {
    if (source.size > limits.btfBytes) throw errors.limit(`${path}: has ${source.size} bytes, more than a symbol or type file has`);
    return source.read(0, source.size);
  } finally {
    source.close();
  }
}
