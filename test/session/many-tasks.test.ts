/** Lists of a machine with a million tasks: a part of one costs what the part costs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inParts, jsonList } from '../../debug-adapter/command-line/long-list.ts';
import { json } from '../../debug-adapter/command-line/output.ts';
import type { Output } from '../../debug-adapter/command-line/output.ts';
import { limits } from '../../debug-adapter/base/limits.ts';
import { Threads } from '../../debug-adapter/dap/threads.ts';
import { manyTasks } from '../builders/million-tasks.ts';

const million = 1_000_000;

describe('a machine with a million tasks', () => {
  test('tells the first page of them from the first tasks, and the next from the next', () => {
    const { session, read } = manyTasks(million);
    assert.deepEqual(
      session.tasks({ start: 0, count: 50 }).map(({ pid }) => pid),
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
    // The idle task, whose list it is, and one task more at most.
    assert.ok(read.size <= 52, `${read.size} task_structs were read`);
    assert.deepEqual(
      session.tasks({ start: 50, count: 2 }).map(({ comm }) => comm),
      ['task 51', 'task 52'],
    );
    assert.ok(read.size <= 54, `${read.size} task_structs were read`);
  });

  test('finds a process and lists address spaces without those behind', () => {
    const { session, read } = manyTasks(million);
    assert.equal(session.addressSpaces({ start: 1, count: 20 }).at(-1)?.id, '20');
    session.memory('30');
    assert.ok(read.size <= 33, `${read.size} task_structs were read`);
  });

  test('has threads for as many as a client can draw, and says that there are more', () => {
    const { session, read } = manyTasks(million);
    const threads = new Threads(session);
    assert.equal(threads.all().filter(({ cpu }) => cpu === undefined).length, limits.taskThreads);
    assert.ok(threads.areCut);
    assert.ok(read.size <= limits.taskThreads + 3, `${read.size} task_structs were read`);
    assert.equal(new Threads(manyTasks(limits.taskThreads).session).areCut, false);
  });

  test('is written while it is read, as one JSON document', () => {
    for (const count of [0, 1, 999, 1000, 2500]) {
      const { session } = manyTasks(count);
      const written: string[] = [];
      const output: Output = {
        text: (text) => {
          written.push(text);
        },
        bytes: () => assert.fail('text only'),
        complain: (line) => assert.fail(line),
      };
      jsonList(
        output,
        'tasks',
        inParts((part) => session.tasks(part)),
      );
      assert.equal(written.join(''), json({ tasks: session.tasks() }));
      assert.ok(written.length >= count / 1000);
      assert.ok(written.every((text) => text.length < 2 ** 20));
    }
  });
});
