/** One opened image: its kernel, its address spaces, and where an address lies. What else faces ask is the session's. */
import type { Address } from '../base/address.ts';
import type { Host } from '../base/host.ts';
import type { Image } from '../image/image.ts';
import { openImage } from '../image/open-image.ts';
import { parseRawRanges } from '../image/raw.ts';
import { pageUseOf } from '../kernel/findings/findings-pages.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Landmarks } from '../kernel/opening/landmarks.ts';
import { allSymbols } from '../kernel/modules/module.ts';
import { openKernel } from '../kernel/opening/open-kernel.ts';
import type { OutsideSources } from '../kernel/opening/open-kernel.ts';
import type { TranslationFacts } from '../protocol/facts.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import { OpenFiles } from './open-files.ts';
import { outsideSources } from './outside-sources.ts';
import type { OpenOptions, SpaceName } from './session-face.ts';
import { Spaces } from './spaces.ts';
import { translationFacts } from './translation-facts.ts';

/** What an image was opened with besides its kernel; what is absent is made anew. */
export interface OpenedParts {
  readonly landmarks?: Landmarks;
  readonly outside?: OutsideSources;
  readonly files?: OpenFiles;
}

type MakeOpened<Opened> = (image: Image, kernel: Kernel, from: OpenedParts) => Opened;

/** Opens an image as what `make` makes of it. Throws `UserError` for an image or options that cannot be used. */
export function openAs<Opened>(make: MakeOpened<Opened>, host: Host, options: OpenOptions): Opened {
  options.progress?.('opening the image', 0, 1);
  const files = new OpenFiles();
  const image = openImage(files.of(host), options.paths, {
    rawRanges: options.base === undefined ? undefined : parseRawRanges(options.base),
    cacheBytes: options.cacheBytes,
  });
  try {
    const { token, progress, scanned } = options;
    const landmarks = new Landmarks(image.memory, { token, progress, findBytes: host.findBytes, known: scanned });
    const outside = outsideSources(host, options);
    return make(image, openKernel(image, outside, landmarks), { landmarks, outside, files });
  } catch (error) {
    try {
      files.check();
    } finally {
      image.close();
    }
    throw error;
  }
}

/** An image with its kernel found, open until `close`. Where the kernel's tables are read from memory, that is done when they are first asked for. */
export class OpenedImage {
  readonly kernel: Kernel;
  readonly files: OpenFiles;
  protected readonly image: Image;
  protected readonly landmarks: Landmarks;
  protected readonly outside: OutsideSources;
  protected readonly spaces: Spaces;

  /** `from`: what the kernel was opened with. */
  constructor(image: Image, kernel: Kernel, from: OpenedParts = {}) {
    const { landmarks = new Landmarks(image.memory), outside = { symbols: undefined, types: undefined } } = from;
    this.files = from.files ?? new OpenFiles();
    this.image = image;
    this.kernel = kernel;
    this.landmarks = landmarks;
    this.outside = outside;
    this.spaces = new Spaces(kernel);
  }

  /** Symbols of the kernel and of its modules; none where no table of them was found. */
  get symbols(): SymbolTable {
    return allSymbols(this.kernel);
  }

  /**
   * The walk of `address` through the tables of `mm` (default: the kernel's), a level a step, with where and why it ends. Throws
   * `UserError` where there is no such address space.
   */
  translate(address: Address, mm?: SpaceName): TranslationFacts {
    const { pageTable, task } = this.spaces.get(mm, { user: false });
    const process = task !== undefined && pageTable.isUserAddress(address);
    return translationFacts(pageTable, address, (table, depth) => pageUseOf(this.kernel, table, { depth, process }));
  }

  /** What is known to be wrong with the image, so far. */
  warnings(): readonly string[] {
    return [...this.kernel.warnings, ...this.landmarks.warnings, ...this.files.check()];
  }

  /** Closes the files of the image: nothing of it can be read afterwards. */
  close(): void {
    this.image.close();
  }
}
