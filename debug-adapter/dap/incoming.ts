/** What a client's message is: the protocol's library passes on whatever is JSON, and takes a request's number and name as they come. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { limits } from '../base/limits.ts';
import { oneLine } from '../base/text.ts';

/** `request`: one that can be answered; with `problem`, by that alone. Neither: what is no answer's business, as an event. */
interface Incoming {
  readonly request?: DebugProtocol.Request;
  readonly problem?: string;
}

/** Sorts a message; a request without a number of its own is none, for no answer could name it. */
export function incoming(message: unknown): Incoming {
  if (typeof message !== 'object' || message === null || !('type' in message)) return { problem: 'it is no object with a type' };
  if (message.type !== 'request') return {};
  const { seq, command } = message as { readonly seq?: unknown; readonly command?: unknown };
  if (typeof seq !== 'number') return { problem: 'it is a request without a number (seq)' };
  const request = message as DebugProtocol.Request;
  if (typeof command !== 'string')
    return { request: { ...request, command: '' }, problem: 'a request has a name (command), which is a text' };
  if (command.length > limits.commandCharacters) {
    const shown = oneLine(command, limits.commandCharacters);
    return {
      request: { ...request, command: shown },
      problem: `Pagewalk does not answer the request ${shown}: no name of one has more than ${limits.commandCharacters} characters`,
    };
  }
  const given: unknown = request.arguments ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    return { request, problem: 'the arguments of a request are an object with their names' };
  return { request };
}
