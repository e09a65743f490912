/** Sections of modules in the forms that kernels have had, on kernels written by hand. */
import { underLimits } from '../support/lowered-limits.ts';
import { limits } from '../../debug-adapter/base/limits.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { moduleSection } from '../../debug-adapter/kernel/modules/module-section.ts';
import { StructKernel } from '../builders/struct-kernel.ts';
import type { Layouts } from '../builders/struct-kernel.ts';

const start = 0xffff_ffff_c000_0000n;
const sections = [
  ['.text', start],
  ['.text.unlikely', start + 0x800n],
  ['.init.text', start - 0x5000n],
  ['.data', start + 0x2000n],
] as const;

const layouts: Readonly<
  Record<string, { readonly layout: Layouts; readonly entry: string; readonly name: string; readonly address: string }>
> = {
  'until 6.14: a count and a struct of its own': {
    layout: {
      module: { size: 64, members: { sect_attrs: [8, 8] } },
      module_sect_attrs: { size: 48, members: { nsections: [40, 4], attrs: [48, { count: 0, size: 1 }] } },
      module_sect_attr: { size: 80, members: { battr: [0, 'bin_attribute'], address: [72, 8] } },
      bin_attribute: { size: 72, members: { attr: [0, 'attribute'], private: [24, 8] } },
      attribute: { size: 16, members: { name: [0, 8] } },
    },
    entry: 'module_sect_attr',
    name: 'battr.attr.name',
    address: 'address',
  },
  'since 6.14: attributes up to one without a name': {
    layout: {
      module: { size: 64, members: { sect_attrs: [8, 8] } },
      module_sect_attrs: { size: 40, members: { attrs: [40, { count: 0, size: 1 }] } },
      bin_attribute: { size: 72, members: { attr: [0, 'attribute'], private: [24, 8] } },
      attribute: { size: 16, members: { name: [0, 8] } },
    },
    entry: 'bin_attribute',
    name: 'attr.name',
    address: 'private',
  },
};

for (const [what, { layout, entry, name, address }] of Object.entries(layouts)) {
  test(what, async () => {
    const made = new StructKernel(layout);
    const list = made.allocate(4096);
    if (layout['module_sect_attrs']?.members['nsections'] !== undefined) made.set(list, 'module_sect_attrs', 'nsections', sections.length);
    const first = list + BigInt(made.offset('module_sect_attrs', 'attrs'));
    sections.forEach(([section, at], index) => {
      const one = toAddress(first + BigInt(index * (layout[entry]?.size ?? 0)));
      made.set(one, entry, name, made.text(section));
      made.set(one, entry, address, at);
    });
    const module = { address: made.make('module', { sect_attrs: list }), name: 'm', memory: [] };
    const kernel = made.open();
    const part = { kind: 'text', start: toAddress(start), end: toAddress(start + 0x1000n) };
    assert.equal(moduleSection(kernel, { module, part }, toAddress(start + 0x10n)), '.text');
    assert.equal(moduleSection(kernel, { module, part }, toAddress(start + 0x900n)), '.text.unlikely');
    const data = { kind: 'data', start: toAddress(start + 0x2000n), end: toAddress(start + 0x3000n) };
    assert.equal(moduleSection(kernel, { module, part: data }, toAddress(start + 0x2fffn)), '.data');
    await underLimits({ moduleSections: 1 }, () => {
      const again = made.open();
      assert.equal(moduleSection(again, { module, part }, toAddress(start + 0x900n)), '.text');
      assert.match([...again.warnings].join(), new RegExp(`has more than ${limits.moduleSections} sections; the others are not looked at`));
    });
    const wild = new StructKernel(layout);
    const broken = { address: wild.make('module', { sect_attrs: 0xdead_0000_0000_0000n }), name: 'm', memory: [] };
    assert.equal(moduleSection(wild.open(), { module: broken, part }, toAddress(start)), undefined);
  });
}
