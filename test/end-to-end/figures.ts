/**
 * How long a person waits, measured in the extension host and printed: activation (and of it what is
 * Pagewalk's own, beside an extension with nothing in it), and hovers on addresses of the larger real
 * dump: from VS Code's command to its answer, of it Pagewalk's own hover provider, and of that the
 * request to the session. No time is asserted: another machine, or a busy one, has other figures.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as vscode from 'vscode';
import { opened } from './opened.ts';
import { eventually } from './waiting.ts';

const asked = 400;

/** Milliseconds from each call of Pagewalk's hover provider to its answer, since they were last taken. */
const providing: number[] = [];

function figures(times: readonly number[]): string {
  const sorted = [...times].sort((one, other) => one - other);
  const quantile = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN).toFixed(1);
  return `p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, slowest ${quantile(1)} ms`;
}

/** To be called before other tests, for the first of them activates the extension. */
export function defineFigures(): void {
  describe('how long a person waits', () => {
    it('activation', async () => {
      const own = watchOwnCode();
      try {
        console.log(`FIGURE activation: ${await activated('pagewalk.pagewalk')}; of it ${own.told()}`);
      } finally {
        own.end();
      }
      console.log(`FIGURE activation of an extension with nothing in it, after that: ${await activated('nobody.empty')}`);
    });

    const image = process.env['PAGEWALK_LARGE_IMAGE'];
    const title = 'hovers on addresses of the larger dump';
    if (image === undefined) it.skip(`${title}: needs ../shared/dumps/x86-64-debian-6.12, which is not here`);
    else it(title, () => hovers(image));
  });
}

async function activated(id: string): Promise<string> {
  const extension = vscode.extensions.getExtension(id);
  assert.ok(extension, id);
  if (extension.isActive) return 'was active already';
  const [begun, spent] = [performance.now(), process.cpuUsage()];
  await extension.activate();
  const [took, { user, system }] = [performance.now() - begun, process.cpuUsage(spent)];
  assert.equal(extension.isActive, true);
  return `${took.toFixed(1)} ms around extension.activate(), ${((user + system) / 1000).toFixed(1)} ms of CPU time of the whole extension host`;
}

type Load = (request: string, ...rest: readonly unknown[]) => unknown;

/** VS Code's interface as it is, but that it times the hover providers that are given to it. */
function timingHovers(api: typeof vscode): unknown {
  const registerHoverProvider = (selector: vscode.DocumentSelector, provider: vscode.HoverProvider): vscode.Disposable =>
    api.languages.registerHoverProvider(selector, {
      provideHover: async (...asking) => {
        const begun = performance.now();
        const answer = await provider.provideHover(...asking);
        providing.push(performance.now() - begun);
        return answer;
      },
    });
  const languages: unknown = Object.create(api.languages, { registerHoverProvider: { value: registerHoverProvider } });
  const timing: unknown = Object.create(api, { languages: { value: languages } });
  return timing;
}

/** Times what VS Code calls an extension's activation: its code is loaded, and its function called. */
function watchOwnCode(): { told(): string; end(): void } {
  const loader = createRequire(__filename)('node:module') as { _load: Load };
  const load = loader._load;
  let [loading, calling] = [Number.NaN, Number.NaN];
  loader._load = function (request, ...rest) {
    const begun = performance.now();
    const loaded: unknown = Reflect.apply(load, this, [request, ...rest]);
    const from = (rest[0] as { readonly filename?: string } | undefined)?.filename ?? '';
    if (request === 'vscode' && /[/\\]extension[^/\\]*\.cjs$/.test(from)) return timingHovers(loaded as typeof vscode);
    if (!request.endsWith('extension.cjs') || typeof loaded !== 'object' || loaded === null || !('activate' in loaded)) return loaded;
    loading = performance.now() - begun;
    const { activate } = loaded;
    assert.ok(typeof activate === 'function');
    const timed = (...parameters: readonly unknown[]): unknown => {
      const called = performance.now();
      const returned: unknown = Reflect.apply(activate, undefined, parameters);
      calling = performance.now() - called;
      return returned;
    };
    return { ...loaded, activate: timed };
  };
  return {
    told: () => `loading ${loading.toFixed(1)} ms, activate() ${calling.toFixed(1)} ms`,
    end: () => {
      loader._load = load;
    },
  };
}

async function hovers(image: string): Promise<void> {
  const name = 'the larger dump';
  const begun = performance.now();
  assert.equal(await vscode.debug.startDebugging(undefined, { type: 'pagewalk', request: 'launch', name, image }), true);
  const session = await eventually('the session', () =>
    vscode.debug.activeDebugSession?.name === name ? vscode.debug.activeDebugSession : undefined,
  );
  await opened(session);
  const took = performance.now() - begun;
  try {
    const addresses = await addressesOf(session);
    const content = addresses.map((address) => `at ${address}\n`).join('');
    const { uri } = await vscode.workspace.openTextDocument({ content, language: 'dmesg' });
    const [onAddresses, onWords]: [number[], number[]] = [[], []];
    const own: number[] = [];
    for (const [line, address] of addresses.entries()) {
      for (const [character, times] of [
        [5, onAddresses],
        [1, onWords],
      ] as const) {
        providing.length = 0;
        const from = performance.now();
        const at = new vscode.Position(line, character);
        const found = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', uri, at);
        times.push(performance.now() - from);
        if (times === onAddresses) own.push(Math.max(...providing));
        assert.equal(found.length > 0, times === onAddresses, `hover at ${character} of «at ${address}»`);
      }
    }
    console.log(`FIGURE session on ${image}: opened in ${took.toFixed(0)} ms`);
    console.log(`FIGURE hover on ${addresses.length} addresses: ${figures(onAddresses)}`);
    console.log(`FIGURE of it Pagewalk's hover provider, from its call to its answer: ${figures(own)}`);
    const requests: number[] = [];
    for (const address of addresses) {
      const from = performance.now();
      await session.customRequest('pagewalk/explain', { addresses: [address] });
      requests.push(performance.now() - from);
    }
    console.log(`FIGURE a hover's request to the session, by VS Code's customRequest: ${figures(requests)}`);
    console.log(`FIGURE hover on words that are none, which VS Code alone takes: ${figures(onWords)}`);
  } finally {
    await vscode.debug.stopDebugging(session);
  }
}

/** Of regions of the kernel's page table, spread over all of them, and of vmalloc areas. */
async function addressesOf(session: vscode.DebugSession): Promise<string[]> {
  const { lines } = (await session.customRequest('pagewalk/ptdump', { mm: 'kernel' })) as { lines: { text: string }[] };
  const { areas } = (await session.customRequest('pagewalk/vmallocAreas', {})) as { areas: { start: string }[] };
  const regions = lines.flatMap(({ text }) => /^0xffff[0-9a-f]{12}/.exec(text)?.[0] ?? []);
  const spread = (from: readonly string[], count: number): string[] =>
    Array.from(
      { length: Math.min(count, from.length) },
      (_, at) => from[Math.floor((at * from.length) / Math.min(count, from.length))] ?? '',
    );
  const areaStarts = spread(
    areas.map(({ start }) => start),
    asked / 4,
  );
  const found = [...spread(regions, asked - areaStarts.length), ...areaStarts];
  assert.ok(found.length >= 300, `only ${found.length} addresses to hover on`);
  return found;
}
