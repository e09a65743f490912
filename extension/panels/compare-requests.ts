/** What is asked about two sides: their lines, and what makes the second of the first. */
import type { PtdumpChangeFacts } from '../../debug-adapter/protocol/facts.ts';
import { inverted } from '../../debug-adapter/protocol/ptdump-change.ts';
import type { PagewalkRequests } from '../../debug-adapter/protocol/requests.ts';
import type { Side } from './compare-sides.ts';

/** The two that are compared. */
export interface Sides {
  readonly first: Side;
  readonly second: Side;
}

/** A side as `pagewalk/ptdump` takes it. */
export function choiceOf({ mm, user, other, moment }: Side): { mm?: string; user: boolean; other?: string; moment?: string } {
  return {
    user,
    ...(mm === undefined ? {} : { mm }),
    ...(other === undefined ? {} : { other }),
    ...(moment === undefined ? {} : { moment }),
  };
}

/** As `pagewalk/ptdumpDiff` takes two sides: from the session's, where one is the session's. `changesOf` puts them the right way round. */
export function argumentsOf(sides: Sides): PagewalkRequests['pagewalk/ptdumpDiff']['arguments'] {
  const [from, to] = comesFromSecond(sides) ? [sides.second, sides.first] : [sides.first, sides.second];
  const { mm, user, other: before, moment } = from;
  const { mm: otherMm, user: otherUser, other, moment: otherMoment } = to;
  return {
    user,
    ...(mm === undefined ? {} : { mm }),
    ...(before === undefined ? {} : { before }),
    ...(other === undefined ? {} : { other }),
    ...(moment === undefined ? {} : { moment }),
    ...(otherMoment === undefined ? {} : { otherMoment }),
    // Of text there is nothing to choose.
    ...(otherMm === undefined ? {} : { otherMm, otherUser }),
  };
}

/** What makes the second side of the first, from the answer about both. */
export function changesOf(sides: Sides, told: readonly PtdumpChangeFacts[]): readonly PtdumpChangeFacts[] {
  return comesFromSecond(sides) ? told.map(inverted) : told;
}

function comesFromSecond({ first, second }: Sides): boolean {
  return first.other !== undefined && second.other === undefined;
}
