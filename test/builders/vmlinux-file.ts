/** A kernel's ELF file of a few sections, from elf(5): symbol table, names, build ID, .BTF. */
import { byteList } from './byte-list.ts';

export interface VmlinuxSymbol {
  readonly name: string;
  readonly address: bigint;
  /** st_info: binding in the upper half, type in the lower. */
  readonly info: number;
  /** Index of the section: 1 text, 2 data, 3 bss. */
  readonly section: number;
}

export interface VmlinuxShape {
  readonly wide: boolean;
  readonly littleEndian: boolean;
  readonly symbols?: readonly VmlinuxSymbol[];
  readonly buildId?: readonly number[];
  readonly btf?: Uint8Array;
}

export function vmlinuxFile({ wide, littleEndian, symbols, buildId, btf }: VmlinuxShape): Uint8Array {
  const { bytes, put } = byteList(littleEndian);
  const word = (value: bigint | number): void => {
    put(value, wide ? 8 : 4);
  };
  const text = (of: string): void => {
    bytes.push(...Array.from(of, (letter) => letter.charCodeAt(0)), 0);
  };
  const headerSize = wide ? 64 : 52;
  while (bytes.length < headerSize) bytes.push(0);
  const sections: { name: string; type: number; flags: number; offset: number; size: number; link: number }[] = [
    { name: '', type: 0, flags: 0, offset: 0, size: 0, link: 0 },
    { name: '.text', type: 1, flags: 6, offset: 0, size: 0, link: 0 },
    { name: '.data', type: 1, flags: 3, offset: 0, size: 0, link: 0 },
    { name: '.bss', type: 8, flags: 3, offset: 0, size: 0x1000, link: 0 },
  ];
  const section = (name: string, type: number, link: number, write: () => void): void => {
    const offset = bytes.length;
    write();
    sections.push({ name, type, flags: 0, offset, size: bytes.length - offset, link });
    while (bytes.length % 8 !== 0) bytes.push(0);
  };
  if (symbols !== undefined) {
    const named = symbols.map(({ name }, index) => ({
      name,
      at: 1 + symbols.slice(0, index).reduce((sum, one) => sum + one.name.length + 1, 0),
    }));
    section('.symtab', 2, 5, () => {
      for (let zero = 0; zero < (wide ? 24 : 16); zero++) bytes.push(0);
      symbols.forEach(({ address, info, section: index }, order) => {
        put(named[order]?.at ?? 0, 4);
        if (wide) {
          bytes.push(info, 0);
          put(index, 2);
          put(address, 8);
          put(0, 8);
        } else {
          put(address, 4);
          put(0, 4);
          bytes.push(info, 0);
          put(index, 2);
        }
      });
    });
    section('.strtab', 3, 0, () => {
      bytes.push(0);
      for (const { name } of named) text(name);
    });
  }
  if (buildId !== undefined) {
    section('.notes', 7, 0, () => {
      // Another note stands in front.
      for (const [type, name, content] of [
        [1, 'Linux', [1, 2, 3, 4]],
        [3, 'GNU', buildId],
      ] as const) {
        put(name.length + 1, 4);
        put(content.length, 4);
        put(type, 4);
        text(name);
        while (bytes.length % 4 !== 0) bytes.push(0);
        bytes.push(...content);
      }
    });
  }
  if (btf !== undefined) section('.BTF', 1, 0, () => bytes.push(...btf));
  const names = sections.map(({ name }) => name);
  section('.shstrtab', 3, 0, () => {
    for (const name of [...names, '.shstrtab']) text(name);
  });
  const table = bytes.length;
  let nameAt = 0;
  for (const { name, type, flags, offset, size, link } of sections) {
    put(nameAt, 4);
    put(type, 4);
    word(flags);
    word(0);
    word(offset);
    word(size);
    put(link, 4);
    put(0, 4);
    word(8);
    word(0);
    nameAt += name.length + 1;
  }
  const file = Uint8Array.from(bytes);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, littleEndian ? 1 : 2, 1]);
  view.setUint16(16, 2, littleEndian);
  if (wide) view.setBigUint64(40, BigInt(table), littleEndian);
  else view.setUint32(32, table, littleEndian);
  view.setUint16(wide ? 58 : 46, wide ? 64 : 40, littleEndian);
  view.setUint16(wide ? 60 : 48, sections.length, littleEndian);
  view.setUint16(wide ? 62 : 50, sections.length - 1, littleEndian);
  return file;
}
