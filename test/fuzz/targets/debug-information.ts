/** Type information and the kernel's ELF file, damaged: refused, or a table that answers. */
import assert from 'node:assert/strict';
import { nodeHost } from '../../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../../debug-adapter/session/session.ts';
import { openBtf } from '../../../debug-adapter/symbols/btf.ts';
import { findKernelBtf } from '../../../debug-adapter/symbols/kernel-btf.ts';
import { sizeOfType } from '../../../debug-adapter/symbols/type-layout.ts';
import type { TypeTable } from '../../../debug-adapter/symbols/types.ts';
import { Vmlinux } from '../../../debug-adapter/symbols/vmlinux.ts';
import { vmlinuxFile } from '../../builders/vmlinux-file.ts';
import { bundled } from '../../support/dumps.ts';
import { memoryHost } from '../../support/memory-host.ts';
import { damagedBytes } from '../damaged-bytes.ts';
import type { FuzzTarget } from '../target.ts';

const structures = ['page', 'list_head', 'task_struct', 'mm_struct', 'vm_area_struct', 'nosuch'];

function ask(types: TypeTable): void {
  for (const name of structures) {
    for (const member of types.struct(name)?.members ?? []) sizeOfType(member.type);
    const type = types.parse(`struct ${name} *[3]`);
    if (type !== undefined) sizeOfType(type);
  }
  types.enumerator('PG_locked');
  types.variable('init_task');
}

const btf: FuzzTarget = {
  name: 'BTF',
  rounds: 12,
  regressions: [],
  prepare: () => {
    const session = openSession(nodeHost(), { paths: [bundled.image] });
    const found = findKernelBtf(session.kernel.memory, session.symbols);
    assert.ok('bytes' in found);
    const bytes = found.bytes.slice();
    session.close();
    return damagedBytes([bytes], (input) => {
      ask(openBtf(input, { littleEndian: true, pointerSize: 8, source: 'test' }));
    });
  },
};

const vmlinux: FuzzTarget = {
  name: 'vmlinux',
  rounds: 1500,
  regressions: [],
  prepare: () => {
    const symbols = Array.from({ length: 40 }, (_, index) => ({
      name: `function_${index}`,
      address: 0xffff_ffff_8100_0000n + BigInt(index * 16),
      info: 0x12,
      section: 1 + (index % 3),
    }));
    const files = [true, false].flatMap((wide) =>
      [true, false].map((littleEndian) =>
        vmlinuxFile({ wide, littleEndian, symbols, buildId: [1, 2, 3, 4], btf: Uint8Array.of(0x9f, 0xeb, 1, 0) }),
      ),
    );
    return damagedBytes(files, (input) => {
      const file = new Vmlinux(memoryHost({ vmlinux: input }).openFile('vmlinux'));
      file.buildId();
      file.btf();
      file.symbols();
    });
  },
};

export const debugInformationTargets: readonly FuzzTarget[] = [btf, vmlinux];
