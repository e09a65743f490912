/** Scenarios in files: their text, and the machine that one leaves as an image, opened like any vmcore. */
import { limits } from '../base/limits.ts';
import { neverCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { Cancelled, errors } from '../base/errors.ts';
import type { ByteSource, Host } from '../base/host.ts';
import { decodeText } from '../base/text.ts';

/** Whether a path is that of a scenario rather than of a dump. */
export function isScenario(path: string): boolean {
  return /\.kmm$/i.test(path);
}

/** Throws `UserError` for a file that cannot be read, or is too large. */
export function scenarioText(host: Host, path: string): string {
  const source = host.openFile(path);
  try {
    if (source.size > limits.scenarioCharacters)
      throw errors.limit(`${path}: ${source.size} bytes are too many for a scenario; is it the right file?`);
    return decodeText(source.read(0, source.size));
  } finally {
    source.close();
  }
}

/**
 * A host that gives for each scenario among `paths` the vmcore of its machine; the host itself where there is none, at no
 * cost. Its machines are in this thread alone. Rejects with `UserError` for a scenario that cannot be run or fails, and with
 * `Cancelled`.
 */
export async function hostWithScenarios(host: Host, paths: readonly string[], token: CancellationToken = neverCancelled): Promise<Host> {
  const machines = new Map<string, ByteSource>();
  for (const path of new Set(paths.filter(isScenario))) {
    if (host.runScenario === undefined) throw errors.notSupported(`${path}: there is no language of scenarios here`);
    const outcome = await host.runScenario({ name: path, text: scenarioText(host, path) }, token);
    if (outcome.kind === 'cancelled') throw new Cancelled();
    if (outcome.kind === 'failed') throw errors.badArgument(outcome.message);
    machines.set(path, outcome.vmcore);
  }
  if (machines.size === 0) return host;
  return { ...host, openFile: (path) => machines.get(path) ?? host.openFile(path), startWorker: undefined };
}
