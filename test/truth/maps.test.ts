/** /proc/PID/maps and ps, byte for byte, of every process that printed its own. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { MapsFacts } from '../../debug-adapter/protocol/facts.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, dumpFolder, jsonLines } from '../support/dumps.ts';
import { debian, openMachine, pidsWith, smallMachines, truthText } from '../support/processes.ts';

function textOf(facts: MapsFacts): string {
  return facts.areas.map(({ text }) => `${text}\n`).join('');
}

/** Bytes of all areas. */
function sizeOf(facts: MapsFacts): bigint {
  return facts.areas.reduce((sum, { start, end }) => sum + BigInt(end) - BigInt(start), 0n);
}

for (const name of smallMachines) {
  test(`maps of the processes of ${name}`, { skip: absent(name) ?? false }, () => {
    const session = openMachine(name);
    const pids = pidsWith(name, 'maps');
    assert.ok(pids.length >= 5);
    const sizes = new Map(session.tasks().map(({ pid, vsz }) => [pid, vsz]));
    for (const pid of pids) {
      const facts = session.maps(pid);
      const told = truthText(name, `maps-${pid}.txt`);
      if (pid === 1) checkFirst(session, facts, told);
      else assert.equal(textOf(facts), told, `${name} ${pid}`);
      // mm->total_vm counts the same memory in another way.
      assert.equal(Number(sizeOf(facts) / 1024n), sizes.get(pid));
      assert.deepEqual(facts.warnings, []);
    }
    session.close();
  });
}

/**
 * The first process went on after it had read its own maps: it wrote the truth files, and its buffer for them is an
 * anonymous area that has grown since. What it read into the new part, the kernel log, stands there in its memory.
 * Everything else is as it was.
 */
function checkFirst(session: Session, facts: MapsFacts, told: string): void {
  const anonymous = ' rw-p 00000000 00:00 0 ';
  const lines = facts.areas.map(({ text }) => text);
  const truth = told
    .trimEnd()
    .split('\n')
    .map((line) => (`${line} `.endsWith(' rw-p 00000000 00:00 0 ') ? `${line} ` : line));
  const known = new Set(told.split('\n'));
  const fresh = lines.filter((line) => !known.has(line));
  assert.equal(fresh.length, 1);
  assert.ok(fresh[0]?.endsWith(anonymous));
  const gone = truth.filter((line) => !lines.includes(line.trimEnd()) && !lines.includes(line));
  assert.ok(gone.length <= 1);
  const range = (line: string): bigint[] => (line.split(' ')[0] ?? '').split('-').map((part) => BigInt(`0x${part}`));
  const [start = 0n, end = 0n] = range(fresh[0] ?? '');
  const behind = gone.length === 0 ? end : (range(gone[0] ?? '')[0] ?? end);
  const { bytes, holes } = session.readVirtual(toAddress(start), Number(behind - start), '1');
  assert.deepEqual(holes, []);
  const [logged = ''] = session.logText({ levels: true }).split('\n');
  assert.ok(Buffer.from(bytes).includes(`${logged}\n`), 'the log that was read later stands in the new part');
  for (const line of gone) {
    const [first = 0n, last = 0n] = range(line);
    assert.ok(start < first && end === last, `${line} became ${fresh[0] ?? ''}`);
  }
}

test('maps of a process with forty kinds of mapping', { skip: absent(debian) ?? false }, () => {
  const session = openMachine(debian);
  const facts = session.maps(198);
  assert.equal(textOf(facts), truthText(debian, 'guest/user_maps.txt'));
  assert.deepEqual(facts.warnings, []);
  // As drgn reads them from the same dump.
  const areas = jsonLines<{ start: string; end: string; flags: string; pgoff: number; file: string | null }>(
    join(dumpFolder(debian) ?? '', 'truth/drgn/vmas.jsonl'),
  );
  assert.deepEqual(
    facts.areas.map(({ start, end, vmFlags }) => ({ start, end, vmFlags })),
    areas.map(({ start, end, flags }) => ({ start, end, vmFlags: flags })),
  );
  assert.throws(() => session.maps(2), /task 2 \(kthreadd\) has no address space/);
  assert.throws(() => session.maps(99_999), /no task has the PID 99999/);
  session.close();
});

test('every task, as drgn, crash and ps have them', { skip: absent(debian) ?? false }, () => {
  const session = openMachine(debian);
  const tasks = session.tasks();
  const drgn = jsonLines<{ pid: number; tgid: number; comm: string; task: string; mm: string; pgd: string | null; stack: string }>(
    join(dumpFolder(debian) ?? '', 'truth/drgn/tasks.jsonl'),
  );
  const byPid = [...tasks].sort((a, b) => a.pid - b.pid);
  assert.deepEqual(
    byPid.map(({ pid, tgid, comm, task, mm, pgd, stack }) => ({ pid, tgid, comm, task, mm: mm ?? '0x0', pgd, stack })),
    [...drgn].sort((a, b) => a.pid - b.pid).map(({ pid, tgid, comm, task, mm, pgd, stack }) => ({ pid, tgid, comm, task, mm, pgd, stack })),
  );
  // crash: PID PPID CPU TASK ST %MEM VSZ RSS COMM; the idle tasks are on no list.
  const states: Readonly<Record<string, string>> = { R: 'RU', S: 'IN', D: 'UN', I: 'ID' };
  const crash = truthText(debian, 'crash/ps.txt')
    .split('\n')
    .map((line) => /^>?\s+(\d+)\s+(\d+)\s+(\d+)\s+([0-9a-f]+)\s+(\w\w)\s+[\d.]+\s+(\d+)\s+(\d+)\s+\[?(.*?)\]?$/.exec(line)?.slice(1))
    .filter((row) => row !== undefined && row[0] !== '0');
  assert.equal(crash.length, tasks.length);
  assert.deepEqual(
    byPid.map(({ pid, ppid, cpu, task, state, vsz, rss, comm }) =>
      [pid, ppid, cpu, task.slice(2), states[state], vsz ?? 0, rss ?? 0, comm].map(String),
    ),
    crash.sort((a, b) => Number(a?.[0]) - Number(b?.[0])),
  );
  // ps ran on the machine a little before the dump was taken, and cut names to 15 characters.
  const names = new Map(tasks.map(({ pid, name }) => [String(pid), name]));
  let compared = 0;
  for (const line of truthText(debian, 'guest/ps.txt').split('\n').slice(1)) {
    const [pid = '', , name = ''] = line.trim().split(/\s+/);
    const ours = names.get(pid);
    // What a worker did last changes; who it is does not.
    if (ours === undefined) continue;
    const plain = (text: string): string => text.slice(0, 15).replace(/(kworker\/[u\d]+:\d+H?)[-+].*/, '$1');
    assert.equal(plain(ours), plain(name));
    compared++;
  }
  assert.ok(compared >= 90);
  session.close();
});
