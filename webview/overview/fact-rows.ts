/** What is said of the machine and of its file: one name and one value a row, for the page and for its copy as text. */
import * as l10n from '@vscode/l10n';
import type { InfoFacts } from '../../debug-adapter/protocol/facts.ts';
import type { OverviewFile } from '../../debug-adapter/protocol/overview-panel.ts';
import type { DeathFacts } from '../../debug-adapter/protocol/stacks.ts';
import { bytesText, countText, dateText, durationText, shareText } from './words.ts';

/** A name and its value, both as they are shown. */
export interface FactRow {
  readonly name: string;
  readonly value: string;
  /** Why it is not known, or where it is from; for a tooltip. */
  readonly note?: string;
  /** Drawn in the editor's font, as addresses and names of the kernel are. */
  readonly mono?: true;
}

/** What the kernel says of itself and its machine. */
export function machineRows(info: InfoFacts): FactRow[] {
  const { clock, memory } = info;
  const unknown = l10n.t('not known');
  const counted = (count: number | null): string => (count === null ? unknown : countText(count));
  const booted = clock.stopped === null || clock.uptime === null ? undefined : clock.stopped - clock.uptime;
  return [
    { name: l10n.t('Kernel'), value: info.release ?? unknown, mono: true },
    ...headerRow(info, 'kernel version', l10n.t('Build')),
    ...headerRow(info, 'nodename', l10n.t('Host')),
    {
      name: l10n.t('Architecture'),
      value: l10n.t('{0}, {1} levels, pages of {2}', info.architecture, info.pagingLevels, bytesText(info.pageSize)),
    },
    { name: l10n.t('KASLR offset'), value: info.kaslrOffset ?? unknown, mono: true },
    { name: l10n.t('CPUs'), value: countText(info.cpus) },
    { name: l10n.t('Tasks'), value: counted(info.tasks) },
    { name: l10n.t('Modules'), value: counted(info.modules) },
    { name: l10n.t('Memory'), value: bytesText(memory.bytes) },
    { name: l10n.t('Stopped'), value: clock.stopped === null ? unknown : dateText(clock.stopped), note: clock.source },
    { name: l10n.t('Booted'), value: booted === undefined ? unknown : dateText(booted), note: clock.source },
    { name: l10n.t('Uptime'), value: clock.uptime === null ? unknown : durationText(clock.uptime), note: clock.source },
  ];
}

/** What the file says of itself; `file` is undefined where none is open by itself. */
export function fileRows(info: InfoFacts, file: OverviewFile | undefined): FactRow[] {
  const { memory, symbols, types } = info;
  const stored = storedBytes(info);
  return [
    { name: l10n.t('Format'), value: info.compression.length === 0 ? info.format : `${info.format}, ${info.compression.join(', ')}` },
    ...(file?.size === null || file?.size === undefined ? [] : [{ name: l10n.t('Size'), value: bytesText(file.size) }]),
    ...(file?.modified === null || file?.modified === undefined
      ? []
      : [{ name: l10n.t('Written'), value: dateText(Math.floor(file.modified / 1000)) }]),
    ...(stored === undefined
      ? []
      : [
          {
            name: l10n.t('Memory in it'),
            value: l10n.t('{0} of {1} ({2})', bytesText(stored), bytesText(memory.bytes), shareText(stored, memory.bytes)),
          },
        ]),
    ...(memory.dumpLevel === null ? [] : [{ name: l10n.t('Dump level'), value: String(memory.dumpLevel) }]),
    ...headerRow(info, 'left out', l10n.t('Left out')),
    ...headerRow(info, 'member', l10n.t('Member')),
    ...headerRow(info, 'missing member', l10n.t('Missing member')),
    {
      name: l10n.t('Symbols'),
      value: symbols.count === 0 ? l10n.t('none') : l10n.t('{0}, {1}', countText(symbols.count), symbols.source),
    },
    { name: l10n.t('Types'), value: types.source ?? l10n.t('none') },
  ];
}

/** Bytes of RAM that the file has; undefined where only reading tells. */
export function storedBytes({ memory }: InfoFacts): number | undefined {
  let sum = 0;
  for (const { stored } of memory.map) {
    if (stored === null) return undefined;
    sum += stored;
  }
  return sum;
}

/** Where and in what the kernel died: the function, the task, the CPU, as far as its report tells. */
export function deathPlace({ place, pid, comm, cpu }: DeathFacts): string {
  return [
    ...(place === null ? [] : [l10n.t('in {0}', place)]),
    ...(pid === null ? [] : [comm === null ? l10n.t('task {0}', pid) : l10n.t('task {0} ({1})', pid, comm)]),
    ...(cpu === null ? [] : [l10n.t('CPU {0}', cpu)]),
  ].join(' · ');
}

/** What the header says under this name, as often as it does; the kernel's word for no name is none. */
function headerRow(info: InfoFacts, name: string, label: string): FactRow[] {
  return info.header.flatMap((fact) =>
    fact.name === name && fact.value !== '' && fact.value !== '(none)' ? [{ name: label, value: fact.value }] : [],
  );
}
