/** The text forms of facts, for people at a terminal. */
import type { IdentifyFacts, InfoFacts, PageOffsetMethodFacts, SymbolFacts, TranslationFacts } from '../protocol/facts.ts';
import type { DeathFacts } from '../protocol/stacks.ts';

/** A fact a line, in aligned columns, then how each was found. */
export function infoText(info: InfoFacts): string {
  const rows: [string, string][] = [
    ['format', info.compression.length === 0 ? info.format : `${info.format} (${info.compression.join(', ')})`],
    ['architecture', `${info.architecture}, ${info.pagingLevels} levels, pages of ${info.pageSize} bytes`],
    ['release', info.release ?? 'unknown'],
    ['symbols', info.symbols.count === 0 ? 'none' : `${info.symbols.count}, ${info.symbols.source}`],
    ['types', info.types.source ?? 'none'],
    ['CPUs', String(info.cpus)],
    ['tasks', info.tasks === null ? 'unknown' : String(info.tasks)],
    ['modules', info.modules === null ? 'unknown' : String(info.modules)],
    ['memory', `${info.memory.bytes} bytes in ${info.memory.ranges.length} ranges`],
  ];
  const { clock, log } = info;
  if (clock.stopped !== null) rows.push(['stopped', dateText(clock.stopped)]);
  if (clock.uptime !== null) rows.push(['uptime', `${clock.uptime} seconds`]);
  if (log.death !== null) rows.push(['died', deathText(log.death)]);
  if (info.memory.dumpLevel !== null) rows.push(['dump level', String(info.memory.dumpLevel)]);
  for (const { name, value } of info.header) rows.push([`header ${name}`, value]);
  let text = rows.map(([name, value]) => `${`${name}:`.padEnd(20)} ${value}\n`).join('');
  text += '\nhow it was found\n';
  for (const { quantity, value, source } of info.evidence) text += `  ${quantity.padEnd(16)} ${value.padEnd(20)} ${source}\n`;
  if (info.pageOffsetMethods.length > 0) text += `\npage_offset_base, by each method\n${info.pageOffsetMethods.map(methodText).join('')}`;
  text += '\nmemory ranges\n';
  for (const { start, end } of info.memory.ranges) text += `  ${start}-${end}\n`;
  if (info.warnings.length > 0) text += `\nwarnings\n${info.warnings.map((warning) => `  ${warning}\n`).join('')}`;
  return text;
}

/** A damaged clock may say what is no date. */
function dateText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} seconds after 1970` : date.toISOString().replace('.000Z', 'Z');
}

function deathText({ reason, place, comm, pid, cpu }: DeathFacts): string {
  const who = pid === null ? '' : `, task ${pid}${comm === null ? '' : ` (${comm})`}`;
  return `${reason}${place === null ? '' : `, in ${place}`}${who}${cpu === null ? '' : `, CPU ${cpu}`}`;
}

function methodText({ method, value, agrees, note }: PageOffsetMethodFacts): string {
  const verdict = agrees === null ? 'nothing' : agrees ? 'agrees' : 'differs';
  return `  ${verdict.padEnd(8)} ${(value ?? '-').padEnd(18)}  ${method}${note === null ? '' : ` (${note})`}\n`;
}

/** The walk, a level a line, then why it ends or which rights are left. */
export function translationText(walk: TranslationFacts): string {
  let text = `${walk.virtual} -> ${walk.physical ?? 'not mapped'}\n`;
  for (const { level, index, entryAddress, entry, flags, defect } of walk.levels) {
    text += `  ${level.padEnd(4)} [${String(index).padStart(3)}] at ${entryAddress.padEnd(14)} ${entry.padEnd(18)} ${flags.join(' ')}\n`;
    if (defect !== null) text += `       wrong: ${defect}\n`;
  }
  if (walk.reason !== null) text += `  ${walk.reason}\n`;
  if (walk.effective !== null) {
    const { write, execute, user, writeLostAt, executeLostAt } = walk.effective;
    const lost = [write ? '' : `write lost at ${writeLostAt ?? '?'}`, execute ? '' : `execute lost at ${executeLostAt ?? '?'}`].filter(
      (part) => part !== '',
    );
    const size =
      walk.pageSize >= 2 ** 30
        ? `${walk.pageSize / 2 ** 30}G`
        : walk.pageSize >= 2 ** 20
          ? `${walk.pageSize / 2 ** 20}M`
          : `${walk.pageSize / 1024}K`;
    text += `  ${size} page, ${write ? 'RW' : 'ro'} ${execute ? 'x' : 'NX'} ${user ? 'user' : 'kernel'}${walk.cacheType === null ? '' : `, ${walk.cacheType}`}${lost.length === 0 ? '' : ` (${lost.join(', ')})`}\n`;
  }
  return text;
}

/** The summary, then a detail a line. */
export function identifyText(result: IdentifyFacts): string {
  return `${result.address}: ${result.summary}\n${result.details
    .slice(1)
    .map(({ kind, summary }) => `  ${kind}: ${summary}\n`)
    .join('')}`;
}

/** One line: address, letter as nm(1) has it, name and offset, size, module. */
export function symbolText(symbol: SymbolFacts): string {
  const offset = symbol.offset === 0 ? '' : `+0x${symbol.offset.toString(16)}`;
  const module = symbol.module === null ? '' : ` [${symbol.module}]`;
  return `${symbol.address} ${symbol.type} ${symbol.name}${offset} (${symbol.size} bytes)${module}\n`;
}
