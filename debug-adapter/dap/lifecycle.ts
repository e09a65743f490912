/** initialize, launch, configurationDone, disconnect; and what cannot be done to a dump. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { errors, UserError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { parseRawRanges } from '../image/raw.ts';
import type { InfoFacts } from '../protocol/facts.ts';
import { JobRunner } from '../session/job-runner.ts';
import type { OpenOptions, SessionFace } from '../session/session-face.ts';
import { hostWithScenarios, isScenario } from '../session/scenario-image.ts';
import { openSession } from '../session/session.ts';
import type { Adapter, Answer, Call, Handler } from './adapter.ts';
import { check } from './check.ts';
import { chooseMembers } from './choose-members.ts';
import { openSearched } from './open-searched.ts';
import { launchScenario } from './scenario-launch.ts';
import { deathOf, threadOfDeath } from './stack.ts';

const pageCacheIs = 'it is a number of MiB, from 1 to 4096';

const launchSchema = v.looseObject({
  image: v.optional(
    v.union([v.pipe(v.string(), v.minLength(1, 'it is empty')), v.array(v.string())], 'it is the path of a dump, or a list of paths'),
  ),
  scenario: v.optional(v.pipe(v.string('it is the path of a .kmm file'), v.minLength(1, 'it is empty'))),
  stopOnEntry: v.optional(v.boolean('it is true or false')),
  noDebug: v.optional(v.boolean()),
  symbols: v.optional(v.string('it is a path')),
  types: v.optional(v.string('it is a path')),
  vmlinux: v.optional(v.string('it is a path')),
  base: v.optional(v.union([v.string(), v.number()], 'it is the physical address of raw memory, or ranges START-END,…')),
  pageCache: v.optional(v.pipe(v.number(pageCacheIs), v.minValue(1, pageCacheIs), v.maxValue(4096, pageCacheIs))),
  mm: v.optional(v.string('it is kernel, efi, a PID or 0xPGD')),
  /** Of clients that answer the event pagewalk/splitSet. */
  askMembers: v.optional(v.boolean()),
});

const clientSchema = v.looseObject({
  supportsProgressReporting: v.optional(v.boolean()),
  columnsStartAt1: v.optional(v.boolean()),
  linesStartAt1: v.optional(v.boolean()),
  supportsMemoryEvent: v.optional(v.boolean()),
  supportsInvalidatedEvent: v.optional(v.boolean()),
});

const capabilities: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsEvaluateForHovers: true,
  supportsClipboardContext: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['.', '>', '$'],
  supportsModulesRequest: true,
  supportsCancelRequest: true,
  supportsDelayedStackTraceLoading: true,
  supportsExceptionInfoRequest: true,
  supportsTerminateRequest: false,
};

function initialize(adapter: Adapter, parameters: unknown): Answer {
  adapter.client = check(clientSchema, parameters);
  return { body: capabilities };
}

function launch(adapter: Adapter, parameters: unknown, call: Call): Answer | Promise<Answer> {
  if (adapter.isOpen) throw errors.badArgument('an image is open already; start another debug session for another image');
  const launched = check(launchSchema, parameters);
  const { image, scenario } = launched;
  if (scenario !== undefined && image !== undefined)
    throw errors.badArgument('the launch configuration has both `image` and `scenario`; leave one of them out');
  if (scenario !== undefined) {
    const { stopOnEntry = true, noDebug = false, mm } = launched;
    return launchScenario(adapter, { scenario, stopOnEntry, noDebug, mm });
  }
  if (image === undefined)
    throw errors.badArgument(
      'the launch configuration has no `image`; add the path of a dump, for example "image": "${workspaceFolder}/vmcore", or `scenario`, the path of a .kmm file',
    );
  const options = {
    paths: (typeof image === 'string' ? [image] : image) as readonly string[],
    mm: launched.mm,
    symbols: launched.symbols,
    types: launched.types,
    vmlinux: launched.vmlinux,
    base: launched.base === undefined ? undefined : checkBase(String(launched.base)),
    cacheBytes: launched.pageCache === undefined ? undefined : Math.floor(launched.pageCache * 2 ** 20),
  };
  const opened = (host: Host, paths = options.paths): Answer | Promise<Answer> =>
    openWith(adapter, call, { host, options: { ...options, paths } });
  if (!options.paths.some(isScenario)) {
    const chosen = launched.askMembers === true && typeof image === 'string' ? chooseMembers(adapter, call, image) : undefined;
    return chosen === undefined ? opened(adapter.host) : chosen.then((paths) => opened(adapter.host, paths));
  }
  return hostWithScenarios(adapter.host, options.paths, call.cancellation).then((host) => opened(host));
}

type LaunchOptions = OpenOptions & { readonly mm: string | undefined };

function openWith(
  adapter: Adapter,
  call: Call,
  { host, options }: { readonly host: Host; readonly options: LaunchOptions },
): Answer | Promise<Answer> {
  return openSearched(adapter, call, {
    jobs: new JobRunner(host, options, () => adapter.session),
    open: (how, jobs) => {
      const info = openImage(adapter, { host, options: { ...options, ...how } }, jobs);
      return {
        afterwards: () => {
          announce(adapter, info);
        },
      };
    },
  });
}

/** Opens the image and asks everything of it that a wrong setting would make fail. */
function openImage(
  adapter: Adapter,
  { host, options }: { readonly host: Host; readonly options: LaunchOptions },
  jobs: JobRunner,
): InfoFacts {
  const session = openSession(host, options);
  try {
    const info = session.info();
    checkSpace(session, options.mm);
    adapter.mm = options.mm;
    adapter.open(session, jobs);
    return info;
  } catch (error) {
    session.close();
    // Symbol and type files are opened when they are first needed, with a message that knows the path or only the contents.
    const setting = (['symbols', 'types'] as const).find((name) => {
      const path = options[name];
      if (path === undefined || !(error instanceof UserError)) return false;
      return error.message.startsWith(`${path}:`) || (name === 'types' && error.code === 'no-types');
    });
    if (setting === undefined || !(error instanceof UserError)) throw error;
    throw errors.badSetting(setting, error.message);
  }
}

function checkBase(base: string): string {
  try {
    parseRawRanges(base);
    return base;
  } catch (error) {
    if (error instanceof UserError) throw errors.badSetting('base', error.message);
    throw error;
  }
}

function checkSpace(session: SessionFace, mm: string | undefined): void {
  try {
    session.memory(mm);
  } catch (error) {
    if (error instanceof UserError && mm !== undefined) throw errors.badSetting('mm', error.message);
    throw error;
  }
}

/** The process, what is wrong with the image, and readiness for configuration. */
function announce(adapter: Adapter, info: InfoFacts): void {
  adapter.sendEvent('process', {
    name: `Linux ${info.release ?? 'kernel'} (${info.architecture})`,
    isLocalProcess: false,
    startMethod: 'launch',
  });
  const symbols = info.symbols.count === 0 ? 'no symbols' : `${info.symbols.count} symbols (${info.symbols.source})`;
  const lines = [
    `${adapter.session.name}: ${info.format}, Linux ${info.release ?? 'unknown'}, ${info.architecture}, ${info.pagingLevels} levels, ${symbols}, ${info.types.source ?? 'no types'}`,
    ...info.warnings.map((warning) => `warning: ${warning}`),
  ];
  adapter.sendEvent('output', { category: 'stdout', output: `${lines.join('\n')}\n` });
  adapter.sendEvent('initialized', undefined);
}

function configurationDone(adapter: Adapter): Answer {
  const { name } = adapter.session;
  return {
    afterwards: () => {
      const death = deathOf(adapter);
      adapter.sendEvent('stopped', {
        ...(death === undefined
          ? { reason: 'entry', description: 'Dump', text: `${name} does not run: look around` }
          : { reason: 'exception', description: death.kind === 'panic' ? 'Kernel panic' : 'Oops', text: death.reason }),
        threadId: threadOfDeath(adapter, death),
        allThreadsStopped: true,
      });
    },
  };
}

function disconnect(adapter: Adapter): Answer {
  adapter.close();
  return {};
}

const dumpsDoNotRun: Handler = () => {
  throw errors.notSupported('a dump does not run; its registers and memory are those of the moment at which it was taken');
};

/** Breakpoints are accepted as never reached, so that a client with breakpoints set elsewhere can start. */
function setBreakpoints(_adapter: Adapter, parameters: unknown): Answer {
  const { breakpoints } = check(v.looseObject({ breakpoints: v.optional(v.array(v.unknown()), []) }), parameters);
  return { body: { breakpoints: breakpoints.map(() => ({ verified: false, message: 'A dump does not run' })) } };
}

/** From `initialize` to `disconnect`; breakpoints of a dump are accepted and told to be without effect. */
export const lifecycleHandlers: Readonly<Record<string, Handler>> = {
  initialize,
  launch,
  configurationDone,
  disconnect,
  setBreakpoints,
  setFunctionBreakpoints: setBreakpoints,
  setExceptionBreakpoints: setBreakpoints,
  setDataBreakpoints: setBreakpoints,
  dataBreakpointInfo: () => ({ body: { dataId: null, description: 'A dump does not run: nothing in it changes' } }),
  continue: dumpsDoNotRun,
  pause: dumpsDoNotRun,
  next: dumpsDoNotRun,
  stepIn: dumpsDoNotRun,
  stepOut: dumpsDoNotRun,
  stepBack: dumpsDoNotRun,
  reverseContinue: dumpsDoNotRun,
  restartFrame: dumpsDoNotRun,
  goto: dumpsDoNotRun,
};
