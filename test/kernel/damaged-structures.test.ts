/**
 * Real dumps in whose kernel structures single pointers are made to loop or to lead nowhere: every list, tree and stack ends,
 * says so, and what was found is told.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { addToAddress, toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { pageOfFrame } from '../../debug-adapter/kernel/pages/page-frame.ts';
import { perCpuAddress } from '../../debug-adapter/kernel/per-cpu.ts';
import { resources } from '../../debug-adapter/kernel/resource.ts';
import { findTask } from '../../debug-adapter/kernel/processes/task.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { openDamaged } from '../support/damaged.ts';
import type { Damage } from '../support/damaged.ts';
import { absent, expandedDump } from '../support/dumps.ts';

const wild = 0xdead_4ead_dead_4eadn;

/** Everything that a session tells of the kernel; nothing may fail otherwise than with a sentence. */
function askEverything(session: Session): void {
  const ask = (question: () => unknown): void => {
    try {
      question();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  };
  const questions: readonly (() => unknown)[] = [
    () => session.info(),
    () => session.tasks(),
    () => session.vmalloc(),
    () => session.vmallocinfoText(),
    () => session.modules(),
    () => session.log(),
    () => session.stacks({ kind: 'all' }),
    () => session.findings({}),
    () => session.pageCategories({}),
  ];
  questions.forEach(ask);
  for (const pid of [1, 34, 35]) {
    ask(() => session.maps(pid));
    ask(() => session.pagemap(pid, {}));
  }
  for (let frame = 0x100; frame < 0x8000; frame += 0x80) ask(() => session.identifyPhysical(toPhysAddr(frame * 4096)));
}

describe('x86-64', { skip: absent('x86-64') ?? false }, () => {
  const path = (): string => expandedDump('x86-64', 'vmcore.elf');
  let whole: Session;
  before(() => {
    whole = openSession(nodeHost(), { paths: [path()] });
  });
  after(() => {
    whole.close();
  });

  const offset = (struct: string, member: string): number => whole.kernel.structs('the test').get(struct).offset(member);
  const member = (object: Address, struct: string, name: string): Address => addToAddress(object, offset(struct, name));
  const pointer = (at: Address): Address => whole.kernel.memory.pointer(at);
  const taskAt = (pid: number): Address => findTask(whole.kernel, pid)?.address ?? toAddress(0);
  const mmOf = (pid: number): Address => findTask(whole.kernel, pid)?.mm ?? toAddress(0);
  const symbol = (name: string): Address => whole.kernel.needAddressOf(name, 'the test');
  const open = (...damage: Damage[]): Session => openDamaged(path(), whole, damage);
  /** That a warning of the session, or of `also`, tells of it. */
  const warned = (session: Session, pattern: RegExp, also: readonly string[] = []): void => {
    const all = [...session.warnings(), ...also];
    assert.ok(
      all.some((warning) => pattern.test(warning)),
      `${String(pattern)} in ${JSON.stringify(all)}`,
    );
  };

  for (const [what, value] of [
    ['loops', 'self'],
    ['leads nowhere', wild],
    ['has a null link', 0n],
  ] as const) {
    test(`the list of tasks ${what} in its middle: both sides are told`, () => {
      const at = member(taskAt(20), 'task_struct', 'tasks');
      const session = open({ at, value: value === 'self' ? at : value });
      assert.equal(session.tasks().length, whole.tasks().length);
      warned(session, /^tasks: the list at .*tasks behind it are missing/);
      session.close();
    });

    test(`the list of areas in the vmalloc space ${what}`, () => {
      const areas = whole.vmalloc().areas.filter(({ node }) => node === 0);
      const middle = areas[Math.floor(areas.length / 2)];
      assert.ok(middle !== undefined);
      const at = member(toAddress(BigInt(middle.address)), 'vmap_area', 'list');
      const session = open({ at, value: value === 'self' ? at : value });
      const told = session.vmalloc().areas;
      assert.ok(told.some(({ address }) => address === middle.address));
      assert.ok(told.length >= areas.length / 2);
      warned(session, /list at .*(?:loops|null link|ends at)/);
      const { findings } = session.findings({ mm: 'kernel' });
      assert.ok(findings.some(({ kind }) => kind === 'vmalloc-inconsistent'));
      session.close();
    });

    test(`the tree of a process's areas ${what}`, () => {
      const root = pointer(addToAddress(mmOf(34), offset('mm_struct', 'mm_mt') + offset('maple_tree', 'ma_root')));
      const node = toAddress(root & ~0xffn);
      const slot = addToAddress(node, offset('maple_node', 'ma64.slot'));
      // A root of leaves has areas in its slots; then the first of them is hurt.
      const session = open({ at: slot, value: value === 'self' ? root : value });
      const told = session.maps(34).areas.length;
      const all = whole.maps(34).areas.length;
      assert.ok(told < all, `${told} of ${all}`);
      if (value !== 0n) warned(session, /VMAs of the mm at|vm_area_struct at/, session.maps(34).warnings);
      session.close();
    });
  }

  test('threads, sibling lists and stacks of a task that is garbage', () => {
    const task = taskAt(34);
    const session = open(
      { at: member(task, 'task_struct', 'signal'), value: wild },
      { at: member(task, 'task_struct', 'stack'), value: wild },
      { at: member(task, 'task_struct', 'real_parent'), value: task },
    );
    assert.equal(session.tasks().length, whole.tasks().length);
    warned(session, /^tasks: the list at 0xdead.*tasks behind it are missing/);
    const stack = session.stacks({ kind: 'all' }).find(({ pid }) => pid === 34);
    assert.match(stack?.problem ?? '', /is on none of the kernel's stacks/);
    assert.ok((stack?.frames.length ?? 0) > 0);
    session.close();
  });

  test('a stack whose return addresses are no code', () => {
    const { frames } = whole.stacks({ kind: 'all' }).find(({ pid }) => pid === 34) ?? { frames: [] };
    const second = toAddress(BigInt(frames[1]?.sp ?? '0x0'));
    // Return addresses lie below the stack pointers of who is returned to.
    for (const value of [second, wild, 0n]) {
      const session = open({ at: addToAddress(second, -8), value });
      const stack = session.stacks({ kind: 'all' }).find(({ pid }) => pid === 34);
      assert.ok(stack !== undefined && stack.frames.length > 0 && stack.frames.length < 500);
      assert.ok(stack.problem !== null || stack.frames.some(({ certain }) => !certain), `0x${value.toString(16)}`);
      session.close();
    }
  });

  test('directories that contain themselves, and files without names', () => {
    const [first] = whole.maps(34).areas.filter(({ inode }) => inode !== '0x0');
    const vma = toAddress(BigInt(first?.vma ?? '0x0'));
    const file = pointer(member(vma, 'vm_area_struct', 'vm_file'));
    const dentry = pointer(member(file, 'file', 'f_path.dentry'));
    const parent = pointer(member(dentry, 'dentry', 'd_parent'));
    const cases: readonly (readonly Damage[])[] = [
      [{ at: member(parent, 'dentry', 'd_parent'), value: dentry }],
      [{ at: member(dentry, 'dentry', 'd_name.name'), value: wild }],
      [{ at: member(file, 'file', 'f_path.dentry'), value: wild }],
      [{ at: member(file, 'file', 'f_inode'), value: wild }],
    ];
    for (const damage of cases) {
      const session = open(...damage);
      assert.equal(session.maps(34).areas.length, whole.maps(34).areas.length);
      session.identify(toAddress(BigInt(first?.start ?? '0x0')), '34');
      session.close();
    }
  });

  test('resources that are their own children and brothers', () => {
    const root = symbol('iomem_resource');
    const child = pointer(member(root, 'resource', 'child'));
    const session = open(
      { at: member(child, 'resource', 'child'), value: root },
      { at: member(pointer(member(child, 'resource', 'sibling')), 'resource', 'sibling'), value: child },
    );
    assert.ok(resources(session.kernel).length < resources(whole.kernel).length);
    session.close();
  });

  test('queues and arrays of vmap_blocks', () => {
    const { queues } = whole.vmalloc();
    const queue = queues.find(({ free }) => free.length > 0);
    const block = toAddress(BigInt(queue?.free[0] ?? '0x0'));
    const at = member(block, 'vmap_block', 'free_list');
    const array = member(perCpuAddress(whole.kernel, symbol('vmap_block_queue'), 1), 'vmap_block_queue', 'vmap_blocks.xa_head');
    for (const damage of [
      { at, value: at },
      { at, value: wild },
      { at: array, value: pointer(array) & 0xffff_ffff_ffff_f000n ? array | 2n : array | 2n },
      { at: array, value: wild | 2n },
    ]) {
      const session = open(damage);
      const facts = session.vmalloc();
      assert.equal(facts.areas.length, whole.vmalloc().areas.length);
      warned(session, /vmap_block/, facts.warnings);
      session.close();
    }
  });

  test('a process that exited half-way: without its mm, without its files, a zombie', () => {
    const task = taskAt(34);
    const mm = mmOf(34);
    const states: readonly (readonly Damage[])[] = [
      // exit_mm() has run.
      [{ at: member(task, 'task_struct', 'mm'), value: 0n }],
      // exit_mmap() has taken the areas, and pgd_free() the table.
      [
        { at: addToAddress(mm, offset('mm_struct', 'mm_mt') + offset('maple_tree', 'ma_root')), value: 0n },
        { at: member(mm, 'mm_struct', 'pgd'), value: 0n },
      ],
      // Its mm was freed and used for something else.
      [{ at: member(task, 'task_struct', 'mm'), value: symbol('iomem_resource') }],
      [{ at: member(task, 'task_struct', 'mm'), value: wild }],
      // EXIT_ZOMBIE, its stack given back.
      [
        { at: member(task, 'task_struct', 'exit_state'), value: 0x20n },
        { at: member(task, 'task_struct', 'mm'), value: 0n },
        { at: member(task, 'task_struct', 'stack'), value: 0n },
      ],
    ];
    for (const [index, damage] of states.entries()) {
      const session = open(...damage);
      const found = session.tasks().find(({ pid }) => pid === 34);
      assert.ok(found !== undefined, String(index));
      assert.equal(session.tasks().length, whole.tasks().length);
      if (index === 4) assert.equal(found.state, 'Z');
      for (const question of [
        (): unknown => session.maps(34),
        (): unknown => session.pagemap(34, {}),
        (): unknown => session.translate(toAddress(0x40_0000), '34'),
        (): unknown => session.identify(toAddress(0x40_0000), '34'),
        (): unknown => session.ptdump({ mm: '34' }),
        (): unknown => session.findings({ mm: '34' }),
      ]) {
        try {
          question();
        } catch (error) {
          assert.ok(error instanceof UserError, String(error));
          assert.ok(!error.message.includes('\n'));
        }
      }
      // The others are what they were.
      assert.deepEqual(session.maps(35), whole.maps(35));
      askEverything(session);
      session.close();
    }
  });

  test('the links between pages, their owners and lists', () => {
    const { kernel } = whole;
    const facts = whole.identify(toAddress(BigInt(whole.maps(34).areas.find(({ name }) => name === '[stack]')?.end ?? '0x0') - 8n), '34');
    const pfn = Number(facts.details.find(({ kind }) => kind === 'anonymous-page')?.['pfn'] ?? 0);
    const page = pageOfFrame(kernel, pfn) ?? toAddress(0);
    const owner = toAddress(pointer(member(page, 'page', 'mapping')) & ~3n);
    const node = pointer(member(owner, 'anon_vma', 'rb_root'));
    for (const damage of [
      // A tree node that is its own left child; an anon_vma that is none; a head that is a tail; a mapping that is nothing.
      { at: addToAddress(node, kernel.structs('the test').get('rb_node').offset('rb_left')), value: node },
      { at: member(owner, 'anon_vma', 'rb_root'), value: wild },
      { at: member(page, 'page', 'mapping'), value: wild | 1n },
      { at: member(page, 'page', 'mapping'), value: page },
      { at: member(page, 'page', 'compound_head'), value: page | 1n },
      { at: member(page, 'page', 'compound_head'), value: wild | 1n },
    ]) {
      const session = open(damage);
      const { details } = session.identifyPhysical(toPhysAddr(pfn * 4096));
      assert.ok(details.length > 0 && details.every(({ summary }) => summary !== ''));
      session.close();
    }
  });
});
