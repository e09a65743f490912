/**
 * Split sets of which more files lie beside the named one than belong together: where the client asks its user
 * (`askMembers` in the launch configuration), the launch waits for the choice. Others get the choice that is made for them,
 * and are told of the files that it leaves out.
 */
import * as v from 'valibot';
import { Cancelled, errors } from '../base/errors.ts';
import { splitSetOf } from '../image/split-siblings.ts';
import type { SplitSetEvent } from '../protocol/requests.ts';
import type { Adapter, Call } from './adapter.ts';
import { check } from './check.ts';

/** The chosen paths; undefined where there is nothing to choose. */
export function chooseMembers(adapter: Adapter, call: Call, path: string): Promise<readonly string[]> | undefined {
  const members = splitSetOf(adapter.host, path)?.filter(({ pages }) => pages.start < pages.end);
  if (members?.some(({ taken }) => !taken) !== true) return undefined;
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      adapter.memberChoice = undefined;
      reject(new Cancelled());
    };
    const choose = (paths: readonly string[]): void => {
      adapter.memberChoice = undefined;
      resolve(paths);
    };
    adapter.memberChoice = { choose, cancel };
    call.cancellation.onCancel(cancel);
    const event: SplitSetEvent = { members: members.map(({ path: file, pages, taken }) => ({ path: file, ...pages, taken })) };
    adapter.sendEvent('pagewalk/splitSet', event);
  });
}

const choiceSchema = v.looseObject({ paths: v.array(v.string()) });

/** `pagewalk/chooseMembers`: the answer to the event. No files: the user wants none of them, and no session. */
export function membersChosen(adapter: Adapter, parameters: unknown): Record<string, never> {
  const { paths } = check(choiceSchema, parameters);
  if (adapter.memberChoice === undefined) throw errors.badArgument('no launch waits for a choice of files');
  if (paths.length === 0) adapter.memberChoice.cancel();
  else adapter.memberChoice.choose(paths);
  return {};
}
