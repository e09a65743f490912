/**
 * Texts by which a kernel is found in memory that does not tell of it. One pass over memory looks for all of them, and goes
 * no further than its askers need (memory/memory-scan.ts).
 */
import { limits } from '../../base/limits.ts';
import { MemoryScan } from '../../memory/memory-scan.ts';
import type { ScanOptions, ScanState } from '../../memory/memory-scan.ts';
import type { PhysicalMemory } from '../../memory/physical-memory.ts';
import { digitTokens } from '../../symbols/kallsyms-scan.ts';

/** What each text begins: VMCOREINFO, a utsname, the digits of a kallsyms token table, `linux_banner`. */
const texts = { vmcoreinfo: 'OSRELEASE=', utsname: 'Linux\0', kallsyms: digitTokens, banner: 'Linux version ' } as const;
type Landmark = keyof typeof texts;
const looks: Readonly<Record<Landmark, string>> = {
  vmcoreinfo: 'VMCOREINFO',
  utsname: "a kernel's utsname",
  kallsyms: "a kernel's symbol table",
  banner: "a kernel's banner",
};
const names = Object.keys(texts) as readonly Landmark[];

/**
 * Physical byte addresses of the texts that kernels are found by. They are sought in one shared pass, which goes on only as far
 * as somebody asks.
 */
export class Landmarks {
  readonly memory: PhysicalMemory;
  readonly #scan: MemoryScan;

  constructor(memory: PhysicalMemory, options: ScanOptions = {}) {
    this.memory = memory;
    this.#scan = new MemoryScan(memory, Object.values(texts), options);
  }

  /** Physical addresses of a text, ascending. Throws `Cancelled` when the scan's token fires. */
  places(of: Landmark): Generator<number> {
    return this.#scan.places(names.indexOf(of));
  }

  /** In words, what was not looked at, so far. */
  get warnings(): readonly string[] {
    const { cut } = this.#scan.state;
    return names
      .filter((_, index) => cut[index])
      .map(
        (name) =>
          `more than ${limits.scannedPlaces} places of memory look like ${looks[name]}; the kernel was not looked for at the others`,
      );
  }

  /** What was found so far, for who opens the same image elsewhere. */
  get state(): ScanState {
    return this.#scan.state;
  }
}
