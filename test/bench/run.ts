/**
 * The proof of what the README says about speed: Pagewalk beside the peers that are installed, on the same files in the same
 * run. Figures go to artefacts/bench.json; with --page also to docs/PERFORMANCE.md. PAGEWALK_BENCH_RUNS: counted runs of each
 * whole process, 7 by default.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpus, loadavg, tmpdir } from 'node:os';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { absent, bundled, dumpFolder, expandedDump } from '../support/dumps.ts';
import { measureHovers } from './hovers.ts';
import { pageOf } from './page.ts';
import { measureHistory, measureOperations } from './operations.ts';
import { drgnScript, findPeers } from './peers.ts';
import { measureReads, ofAllRounds, readPlan } from './reads.ts';
import { measureSizes } from './sizes.ts';
import type { PeerReads, ReadPlan } from './reads.ts';
import { tableOf } from './targets.ts';
import type { BenchFigures, DrgnWalk, Reads } from './targets.ts';
import { measureWalk } from './walk.ts';
import { compare } from './whole-process.ts';
import type { Command } from './whole-process.ts';

const root = resolve(import.meta.dirname, '../..');
const program = join(root, 'dist/pagewalk.js');
const runs = Number(process.env['PAGEWALK_BENCH_RUNS'] ?? 7);
const readRounds = 5;
const shared = 'x86-64-debian-6.12';
const hasShared = absent(shared) === undefined;
const image = hasShared ? expandedDump(shared, 'dump.elf') : bundled.image;
const folder = mkdtempSync(join(tmpdir(), 'pagewalk-bench-'));
const skipped: string[] = [];
const tell = (line: string): void => {
  skipped.push(line.replace(/^SKIPPED /, ''));
  console.log(line);
};

try {
  const figures = measureAll();
  const table = tableOf(figures);
  for (const { what, ours, peer, ratio, target, met } of table)
    console.log(
      `${met === undefined ? '      ' : met ? 'met   ' : 'MISSED'} ${what}: ${ours}; ${peer}; ${ratio}${target === '' ? '' : `; target ${target}`}`,
    );
  mkdirSync(join(root, 'artefacts'), { recursive: true });
  writeFileSync(join(root, 'artefacts/bench.json'), `${JSON.stringify({ ...figures, table }, undefined, 2)}\n`);
  if (process.argv.includes('--page')) {
    mkdirSync(join(root, 'docs'), { recursive: true });
    writeFileSync(join(root, 'docs/PERFORMANCE.md'), pageOf(figures, table));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function measureAll(): BenchFigures {
  const peers = findPeers(tell);
  const { crash, drgn, makedumpfile, vmlinux } = peers;
  const address = vmallocAddress();
  const ours = (name: string, ...parameters: string[]): Command => ({ name, command: [process.execPath, program, ...parameters] });
  const drgnRun = (...parameters: string[]): readonly string[] =>
    drgn === undefined || vmlinux === undefined ? [] : [...drgn.start.slice(0, -1), drgnScript, image, vmlinux, ...parameters];
  const commands: Command[] = [
    { name: 'node alone', command: [process.execPath, '-e', '0'] },
    ours('vtop', 'vtop', image, address),
    ours('vmalloc', 'vmalloc', image),
    ours('ptdump', 'ptdump', image),
    ours('info', 'info', image),
  ];
  if (hasShared) commands.push(ours('pages', 'pages', image));
  if (crash !== undefined && vmlinux !== undefined) {
    const start = [...crash.start, vmlinux, image];
    commands.push({ name: 'crash vtop', command: start, input: `vtop ${address}\nquit\n` });
    commands.push({ name: 'crash kmem -v', command: start, input: 'kmem -v\nquit\n' });
  }
  if (drgn !== undefined)
    commands.push({ name: 'drgn vtop', command: drgnRun('one', address) }, { name: 'drgn areas', command: drgnRun('list') });
  const plain = makedumpfile === undefined || !hasShared ? undefined : withHeadersAtTheStart();
  if (makedumpfile !== undefined && plain !== undefined) {
    const out = join(folder, 'filtered');
    commands.push({
      name: 'makedumpfile',
      command: [...makedumpfile.start, '--message-level', '4', '-E', '-f', '-d', '31', plain, out],
    });
  }
  const processes = compare(commands, runs, tell);

  const plan = readPlan(image);
  const readsOf = (dump: string): Reads | undefined => {
    const rounds = Array.from({ length: readRounds }, () => ({ ours: measureReads(dump, plan), drgn: peerReads(drgnRun, dump, plan) }));
    const all = ofAllRounds(rounds.map((round) => round.ours));
    return all && { ours: all, drgn: ofAllRounds(rounds.flatMap((round) => (round.drgn === undefined ? [] : [round.drgn]))) };
  };
  const elf = readsOf(image);
  const packed = plain === undefined ? undefined : compressed(makedumpfile?.start ?? [], plain);
  const kdump = packed === undefined ? undefined : readsOf(packed);

  const walks = [measureWalk('the dump above', image)];
  for (const name of ['x86-64', 'x86-64-kasan']) {
    const why = absent(name);
    if (why === undefined) walks.push(measureWalk(name, expandedDump(name, 'vmcore.elf')));
    else tell(`SKIPPED walk of ${name}: ${why}`);
  }
  const drgnWalk = drgn === undefined ? undefined : (jsonOf(drgnRun('ptdump')) as DrgnWalk | undefined);
  return {
    image,
    runs,
    node: process.version,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, load ${loadavg()[0]?.toFixed(1) ?? '?'}`,
    peers: [crash, drgn, makedumpfile].flatMap((peer) => (peer === undefined ? [] : [`${peer.name} ${peer.version}`])),
    skipped,
    processes,
    elf,
    kdump,
    walks,
    drgnWalk,
    sizes: measureSizes(image, folder, toAddress(BigInt(address))),
    hovers: measureHovers(image),
    operations: measureOperations(),
    history: measureHistory(),
  };
}

/** An address in the middle of the busy vmalloc areas. */
function vmallocAddress(): string {
  const { areas } = JSON.parse(
    execFileSync(process.execPath, [program, 'vmalloc', image, '--json'], { encoding: 'utf8', maxBuffer: 1 << 28 }),
  ) as {
    areas: { start: string; pages: number | null }[];
  };
  const mapped = areas.filter(({ pages }) => pages !== null && pages > 0);
  const area = mapped[mapped.length >> 1] ?? areas[0];
  if (area === undefined) throw new Error(`${image}: no vmalloc area`);
  return area.start;
}

/** makedumpfile 1.7.2 refuses QEMU's file as it is: its program headers do not start at byte 64. */
function withHeadersAtTheStart(): string | undefined {
  const tool = join(dumpFolder(shared) ?? '', '../elf-phdr64.py');
  const out = join(folder, 'plain.elf');
  const { status, stderr } = spawnSync('python3', [tool, image, out], { encoding: 'utf8' });
  if (status === 0) return out;
  tell(`SKIPPED makedumpfile: its input cannot be made (${stderr.trim().split('\n').at(-1) ?? ''})`);
  return undefined;
}

/** All pages of the dump in zlib. */
function compressed(start: readonly string[], plain: string): string | undefined {
  const out = join(folder, 'zlib.kdump');
  const [command, parameters] = [
    start[0] ?? 'makedumpfile',
    [...start.slice(1), '--message-level', '4', '-c', '-f', '-d', '0', plain, out],
  ];
  const { status, stdout } = spawnSync(command, parameters, { encoding: 'utf8' });
  if (status === 0) return out;
  tell(`SKIPPED reads of a compressed dump: makedumpfile made none (${stdout.trim().split('\n').at(-1) ?? ''})`);
  return undefined;
}

function peerReads(drgnRun: (...parameters: string[]) => readonly string[], dump: string, plan: ReadPlan): PeerReads | undefined {
  if (drgnRun().length === 0) return undefined;
  const path = join(folder, 'plan.json');
  writeFileSync(
    path,
    JSON.stringify(plan, (_, value: unknown) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value)),
  );
  return jsonOf(drgnRun('reads', path).map((word) => (word === image ? dump : word))) as PeerReads | undefined;
}

/** The last line that a command prints; a command that fails is told. */
function jsonOf(command: readonly string[]): unknown {
  const [first = '', ...parameters] = command;
  const { status, stdout, stderr } = spawnSync(first, parameters, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null');
  tell(`SKIPPED ${parameters.slice(-2).join(' ')}: ${stderr.trim().split('\n').at(-1) ?? `exit status ${status}`}`);
  return undefined;
}
