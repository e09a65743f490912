/**
 * Measures Pagewalk as whole processes on one dump, beside the peers that are installed (crash with a vmlinux named in
 * PAGEWALK_VMLINUX, drgn). Medians of several runs; ratios within this one run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { measureWalk } from './walk.ts';
import type { WalkFigures } from './walk.ts';

const root = resolve(import.meta.dirname, '../..');
const program = join(root, 'dist/pagewalk.js');
const runs = Number(process.env['PAGEWALK_BENCH_RUNS'] ?? 7);
const shared = 'x86-64-debian-6.12';
const image = absent(shared) === undefined ? expandedDump(shared, 'dump.elf') : bundled.image;
const address = '0xffffffffa3e00000';

interface Measured {
  readonly name: string;
  readonly seconds: number;
  readonly peakMiB: number;
}

/** Median wall time and largest peak memory of a command; GNU time tells the memory. */
function measure(name: string, command: readonly string[], input?: string): Measured {
  const times: number[] = [];
  let peak = 0;
  for (let run = 0; run <= runs; run++) {
    const start = process.hrtime.bigint();
    const result = spawnSync('/usr/bin/time', ['-f', 'peak %M', ...command], { input: input ?? '', encoding: 'utf8', maxBuffer: 1 << 28 });
    if (result.error !== undefined) throw result.error;
    if (result.status !== 0) throw new Error(`${name}: exit status ${result.status}\n${result.stderr}`);
    const elapsed = Number(process.hrtime.bigint() - start) / 1e9;
    // The first run warms the file cache.
    if (run > 0) times.push(elapsed);
    peak = Math.max(peak, Number(/peak (\d+)/.exec(result.stderr)?.[1] ?? 0) / 1024);
  }
  times.sort((a, b) => a - b);
  return { name, seconds: times[Math.floor(times.length / 2)] ?? 0, peakMiB: Math.round(peak) };
}

const ours = (name: string, ...parameters: string[]): Measured => measure(name, [process.execPath, program, ...parameters]);
const measured = [
  ours('first translated address', 'vtop', image, address),
  ours('vmalloc list', 'vmalloc', image),
  ours('kernel ptdump', 'ptdump', image),
  ours('info', 'info', image),
  measure('node alone', [process.execPath, '-e', '0']),
];
const [first] = measured;
console.log(`${image}, median of ${runs} runs, Node ${process.version}`);
for (const { name, seconds, peakMiB } of measured) console.log(`  ${name.padEnd(28)} ${seconds.toFixed(3)} s  ${peakMiB} MiB`);

const vmlinux = process.env['PAGEWALK_VMLINUX'];
const peers: Measured[] = [];

/** Measures a peer; one that is there but cannot open this dump is told, with what it said. */
function peer(name: string, run: () => Measured): void {
  try {
    peers.push(run());
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n').find((line) => /error|cannot|fail|exit status/i.test(line)) : undefined;
    console.log(`SKIPPED ${name}: it cannot open this dump (${said ?? String(error)})`);
  }
}

if (spawnSync('crash', ['--version']).status !== 0) console.log('SKIPPED crash: not installed (Debian package crash)');
else if (vmlinux === undefined || !existsSync(vmlinux))
  console.log('SKIPPED crash: needs the vmlinux of the dump; name it in PAGEWALK_VMLINUX');
else peer('crash', () => measure('crash, open and vtop', ['crash', '-s', vmlinux, image], `vtop ${address}\nquit\n`));
if (spawnSync('python3', ['-c', 'import drgn']).status !== 0) console.log('SKIPPED drgn: not installed (Debian package python3-drgn)');
else {
  const load = vmlinux === undefined ? '' : `p.load_debug_info([${JSON.stringify(vmlinux)}])\n`;
  const script = `import drgn\np=drgn.Program()\np.set_core_dump(${JSON.stringify(image)})\n${load}print(p.read(${address},8))`;
  const name = vmlinux === undefined ? 'drgn, open and read (no debug info)' : 'drgn, open and read';
  peer('drgn', () => measure(name, ['python3', '-c', script]));
}
for (const other of peers) {
  console.log(
    `  ${other.name.padEnd(28)} ${other.seconds.toFixed(3)} s  ${other.peakMiB} MiB  = ${(other.seconds / (first?.seconds ?? 1)).toFixed(1)} times Pagewalk's`,
  );
}

const walks: WalkFigures[] = [measureWalk('the dump above', image)];
for (const name of ['x86-64', 'x86-64-kasan']) {
  const why = absent(name);
  if (why === undefined) walks.push(measureWalk(name, expandedDump(name, 'vmcore.elf')));
  else console.log(`SKIPPED walk of ${name}: ${why}`);
}
console.log('page-table walk (kernel half), beside a straight pass over the same table pages:');
for (const { name, entries, tables, walk, text, straight } of walks) {
  const rate = (seconds: number, count: number): string => `${(count / seconds / 1e6).toFixed(1)} M/s`;
  console.log(
    `  ${name.padEnd(28)} ${entries} entries of ${tables} tables: walk ${rate(walk, entries)}, with text ${rate(text, entries)}, straight ${rate(straight, tables * 512)}; the walk takes ${(walk / straight).toFixed(1)} times the straight pass`,
  );
}
const plain = walks.find(({ name }) => name === 'x86-64');
const kasan = walks.find(({ name }) => name === 'x86-64-kasan');
if (plain !== undefined && kasan !== undefined) {
  console.log(
    `  KASAN's tables take ${(kasan.walk / plain.walk).toFixed(2)} times the walk of the plain kernel's, their text ${(kasan.text / plain.text).toFixed(2)} times`,
  );
}
mkdirSync(join(root, 'artefacts'), { recursive: true });
writeFileSync(join(root, 'artefacts/bench.json'), JSON.stringify({ image, runs, measured, peers, walks }, undefined, 2));
