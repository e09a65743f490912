/** Scopes and variables: registers, address spaces, vmalloc areas, the image. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as v from 'valibot';
import { formatAddress } from '../base/address.ts';
import type { Register } from '../image/image.ts';
import type { Adapter, Answer, Handler, VariableNode } from './adapter.ts';
import { check } from './check.ts';
import { listNode, pagedNode, recordNode, row } from './nodes.ts';
import { placeOf } from './stack.ts';

function scopes(adapter: Adapter, parameters: unknown): Answer {
  const { frameId } = check(v.looseObject({ frameId: v.number() }), parameters);
  const { registers } = placeOf(adapter, frameId);
  const scope = (name: string, node: VariableNode, more: Partial<DebugProtocol.Scope> = {}): DebugProtocol.Scope => ({
    name,
    variablesReference: adapter.reference(name === 'Registers' ? `${name} ${frameId}` : name, node),
    expensive: name !== 'Registers',
    ...more,
  });
  return {
    body: {
      scopes: [
        scope('Registers', registersNode(adapter, registers), { presentationHint: 'registers', namedVariables: registers.length }),
        ...imageScopes(adapter).map(({ name, node }) => scope(name, node)),
      ],
    },
  };
}

/** What there is of every image. */
export function imageScopes(adapter: Adapter): readonly { readonly name: string; readonly node: VariableNode }[] {
  return [
    { name: 'Address spaces', node: spacesNode(adapter) },
    { name: 'Vmalloc', node: vmallocNode(adapter) },
    { name: 'Image', node: recordNode(adapter, 'Image', () => ({ ...adapter.session.info() })) },
  ];
}

function registersNode(adapter: Adapter, registers: readonly Register[]): VariableNode {
  return pagedNode(registers, ({ name, value }) => {
    const symbol = adapter.session.symbols.resolve(BigInt.asUintN(64, value) as never);
    const text = formatAddress(value);
    return row(name, symbol === undefined ? text : `${text} <${symbol.symbol.name}+0x${symbol.offset.toString(16)}>`, {
      memoryReference: text,
      evaluateName: `$${name}`,
    });
  });
}

function spacesNode(adapter: Adapter): VariableNode {
  return listNode(adapter, 'Address spaces', {
    read: (part) => adapter.session.addressSpaces(part),
    make: (space) =>
      row(space.id, `${space.label}, root at physical ${space.root}${space.userRoot === null ? '' : `, user half ${space.userRoot}`}`),
  });
}

function vmallocNode(adapter: Adapter): VariableNode {
  return listNode(adapter, 'Vmalloc', {
    read: (part) => adapter.session.vmallocPart({ list: 'areas', ...part }).areas,
    make: (area) => {
      const key = `vmalloc ${area.start}`;
      const what = area.flags.length > 0 ? area.flags.join('|') : area.vmFlags.join('|');
      return row(`${area.start}-${area.end}`, `${area.size} ${what}${area.caller === null ? '' : ` ${area.caller}`}`, {
        memoryReference: area.start,
        variablesReference: adapter.reference(
          key,
          recordNode(adapter, key, () => ({ ...area })),
        ),
      });
    },
  });
}

function variables(adapter: Adapter, parameters: unknown): Answer {
  const { variablesReference, start, count } = check(
    v.looseObject({ variablesReference: v.number(), start: v.optional(v.number()), count: v.optional(v.number()) }),
    parameters,
  );
  const page = { start: start ?? 0, count: count === undefined || count === 0 ? Number.MAX_SAFE_INTEGER : count };
  return { body: { variables: adapter.node(variablesReference).children(page) } };
}

/** Handle the tree of variables: registers, address spaces, vmalloc areas, the image. */
export const variableHandlers: Readonly<Record<string, Handler>> = { scopes, variables };
