/** Names and types given from outside, as files. */
import { errors } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import { decodeText } from '../base/text.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { OutsideSources } from '../kernel/opening/open-kernel.ts';
import { openBtf } from '../symbols/btf.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import { parseTextSymbols, placeSymbols } from '../symbols/text-symbols.ts';
import type { TypeTable } from '../symbols/types.ts';
import { Vmlinux } from '../symbols/vmlinux.ts';
import type { OpenOptions } from './session-face.ts';

/** Files are read when the kernel first needs them; a missing one is told then. What is given alone is believed before a vmlinux. */
export function outsideSources(host: Host, options: OpenOptions): OutsideSources {
  const { symbols, types, vmlinux } = options;
  const fromVmlinux = <Value>(use: (file: Vmlinux, kernel: Kernel) => Value): ((kernel: Kernel) => Value) | undefined =>
    vmlinux === undefined ? undefined : (kernel) => withVmlinux(host, vmlinux, (file) => use(file, kernel));
  return {
    symbols:
      symbols === undefined
        ? fromVmlinux(vmlinuxSymbols)
        : (kernel) => parseTextSymbols(decodeText(readWhole(host, symbols)), symbols, runTimeStart(kernel)),
    types: types === undefined ? fromVmlinux(vmlinuxTypes) : (kernel) => openTypes(kernel, readWhole(host, types), types),
  };
}

/** Where the dump has a symbol that every kernel has: files know nothing of KASLR. */
function runTimeStart(kernel: Kernel): { readonly name: string; readonly address: bigint } | undefined {
  const start = kernel.vmcoreinfo?.symbol('_stext');
  return start === undefined ? undefined : { name: '_stext', address: start };
}

function openTypes(kernel: Kernel, bytes: Uint8Array, source: string): TypeTable {
  const { littleEndian, pointerSize } = kernel.machine;
  return openBtf(bytes, { littleEndian, pointerSize, source });
}

function vmlinuxSymbols(file: Vmlinux, kernel: Kernel): SymbolTable {
  const own = file.buildId();
  const told = kernel.vmcoreinfo?.value('BUILD-ID');
  if (own !== undefined && told !== undefined && own !== told) {
    kernel.warn(`${file.name} is another kernel's: its build ID is ${own}, that of the dump ${told}; names and types may be wrong`);
  }
  return placeSymbols(file.symbols(), file.name, runTimeStart(kernel));
}

/** None where the kernel was built without BTF: the debug information in the file is not read. */
function vmlinuxTypes(file: Vmlinux, kernel: Kernel): TypeTable | undefined {
  const bytes = file.btf();
  return bytes === undefined ? undefined : openTypes(kernel, bytes, `${file.name} (.BTF)`);
}

function withVmlinux<Value>(host: Host, path: string, use: (file: Vmlinux) => Value): Value {
  const source = host.openFile(path);
  try {
    return use(new Vmlinux(source));
  } finally {
    source.close();
  }
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
