/**
 * The files behind an image, and what became of them since they were opened. A file that was written to holds the bytes of two
 * moments: nothing of it is to be believed, what was read before and is kept no more than what is read now. It is asked about
 * after an answer was made and before it is given, so that no answer is made of such bytes.
 */
import { errors } from '../base/errors.ts';
import type { UserError } from '../base/errors.ts';
import type { ByteSource, Host } from '../base/host.ts';

/** Files are registered as the host opens them (`of`), and asked about when an answer is about to be given. */
export class OpenFiles {
  readonly #sources: ByteSource[] = [];
  #altered: UserError | undefined;

  /** The host, the files of which are kept account of here once it opens them. */
  of(host: Host): Host {
    return {
      ...host,
      openFile: (path) => {
        const source = host.openFile(path);
        if (source.change !== undefined) this.#sources.push(source);
        return source;
      },
    };
  }

  /**
   * Asks the file system. Throws `UserError('file-altered')` once one of the files was written to, cut or extended. Gives one
   * sentence for each that lost its name: what is told of it stays right, and is not what its name stands for now.
   */
  check(): readonly string[] {
    const notes: string[] = [];
    for (const source of this.#sources) {
      const change = source.change?.();
      if (change?.kind === 'altered') this.#altered ??= errors.fileAltered(source.name, change.how);
      else if (change?.kind === 'removed')
        notes.push(
          `${source.name}: was removed; it can be read here until the session ends, so copy it to its place again if you need it longer`,
        );
      else if (change?.kind === 'replaced') notes.push(`${source.name}: another file has this name now; open it again to see that one`);
    }
    if (this.#altered !== undefined) throw this.#altered;
    return notes;
  }
}
