/** initialize, launch, configurationDone, disconnect; and what cannot be done to a dump. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { errors } from '../base/errors.ts';
import { openSession } from '../session/session.ts';
import type { Adapter, Answer, Handler } from './adapter.ts';
import { check } from './check.ts';

const launchSchema = v.looseObject({
  image: v.optional(
    v.union([v.pipe(v.string(), v.minLength(1, 'it is empty')), v.array(v.string())], 'it is the path of a dump, or a list of paths'),
  ),
  scenario: v.optional(v.string('it is the path of a .kmm file')),
  symbols: v.optional(v.string('it is a path')),
  types: v.optional(v.string('it is a path')),
  vmlinux: v.optional(v.string('it is a path')),
  mm: v.optional(v.string('it is kernel, efi, a PID or 0xPGD')),
});

const capabilities: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsReadMemoryRequest: true,
  supportsEvaluateForHovers: true,
  supportsClipboardContext: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['.', '>', '$'],
  supportsModulesRequest: true,
  supportsCancelRequest: true,
  supportsDelayedStackTraceLoading: true,
  supportsTerminateRequest: false,
};

function initialize(adapter: Adapter, parameters: unknown): Answer {
  adapter.client = parameters as DebugProtocol.InitializeRequestArguments;
  return { body: capabilities };
}

function launch(adapter: Adapter, parameters: unknown): Answer {
  const launched = check(launchSchema, parameters);
  if (launched.scenario !== undefined) throw errors.notSupported('scenarios cannot be run yet; give `image`, the path of a dump');
  const { image } = launched;
  if (image === undefined)
    throw errors.badArgument(
      'the launch configuration has no `image`; add the path of a dump, for example "image": "${workspaceFolder}/vmcore"',
    );
  const progress = adapter.client?.supportsProgressReporting === true;
  if (progress) adapter.sendEvent('progressStart', { progressId: 'open', title: 'Opening the image', cancellable: false });
  try {
    const session = openSession(adapter.host, {
      paths: typeof image === 'string' ? [image] : image,
      symbols: launched.symbols,
      types: launched.types,
      vmlinux: launched.vmlinux,
    });
    adapter.open(session);
    if (launched.mm !== undefined) session.memory(launched.mm);
    adapter.mm = launched.mm;
  } finally {
    if (progress) adapter.sendEvent('progressEnd', { progressId: 'open' });
  }
  return {
    then: () => {
      announce(adapter);
    },
  };
}

/** The process, what is wrong with the image, and readiness for configuration. */
function announce(adapter: Adapter): void {
  const info = adapter.session.info();
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
  return {
    then: () => {
      adapter.sendEvent('stopped', {
        reason: 'entry',
        description: 'Dump',
        text: 'a dump is stopped for good: look around',
        threadId: 1,
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
  const { breakpoints } = parameters as { breakpoints?: unknown };
  const count = Array.isArray(breakpoints) ? breakpoints.length : 0;
  return { body: { breakpoints: Array.from({ length: count }, () => ({ verified: false, message: 'A dump does not run' })) } };
}

export const lifecycleHandlers: Readonly<Record<string, Handler>> = {
  initialize,
  launch,
  configurationDone,
  disconnect,
  setBreakpoints,
  setFunctionBreakpoints: setBreakpoints,
  setExceptionBreakpoints: setBreakpoints,
  continue: dumpsDoNotRun,
  pause: dumpsDoNotRun,
  next: dumpsDoNotRun,
  stepIn: dumpsDoNotRun,
  stepOut: dumpsDoNotRun,
};
