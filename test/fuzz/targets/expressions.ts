/** Expressions: what a grammar makes of the kernel's own names, and those texts damaged, on a real dump. */
import type { Arbitrary } from 'fast-check';
import { evaluate } from '../../../debug-adapter/expression/evaluate.ts';
import { childrenOf, countChildren, formatValue } from '../../../debug-adapter/expression/format.ts';
import { nodeHost } from '../../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../../debug-adapter/session/session.ts';
import { bundled } from '../../support/dumps.ts';
import { fc } from '../../support/properties.ts';
import { generated, mutateText } from '../mutate-text.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

const names = [
  'init_task',
  'init_mm',
  'vmap_area_list',
  'jiffies',
  'runqueues',
  'nosuch',
  'swapper_pg_dir',
  'linux_banner',
  'modules',
] as const;
const members = ['tasks', 'comm', 'mm', 'next', 'prev', 'pid', 'thread', 'stack', 'pgd', 'mm_mt', 'nosuch', 'flags'] as const;
const types = [
  'struct task_struct',
  'struct list_head *',
  'unsigned long',
  'char *',
  'int',
  'struct page',
  'u64[4]',
  'void *',
  'struct nosuch',
] as const;
const operators = ['+', '-', '*', '/', '%', '<<', '>>', '&', '|', '^', '==', '!=', '<', '>=', '&&', '||'] as const;
const functions = [
  'sizeof',
  'offsetof',
  'container_of',
  'list',
  'hlist',
  'llist',
  'rbtree',
  'per_cpu',
  'vtop',
  'ptdump',
  'identify',
  'nosuch',
] as const;

const numbers = fc.oneof(
  fc.integer({ min: -5, max: 300 }).map(String),
  fc.bigInt(0n, (1n << 65n) - 1n).map((value) => `0x${value.toString(16)}`),
  fc.constantFrom('0', '1UL', '077', "'a'", '"text"', '0xffff888000000000', '0xffffffff81000000', '64K'),
);

/** As C has it, with a bound on depth; `size` shrinks as parts go into each other. */
const grammar = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    numbers,
    fc.constantFrom(...names),
    fc.constantFrom('$rip', '$rsp', '$task', '$cpu', '$nosuch'),
    fc.tuple(tie('expression'), fc.constantFrom(...operators), tie('expression')).map((parts) => parts.join(' ')),
    fc.tuple(fc.constantFrom('-', '!', '~', '&', '*'), tie('expression')).map((parts) => parts.join('')),
    fc.tuple(tie('expression'), fc.constantFrom('.', '->'), fc.constantFrom(...members)).map((parts) => parts.join('')),
    fc.tuple(tie('expression'), tie('expression')).map(([object, index]) => `${object}[${index}]`),
    fc.tuple(fc.constantFrom(...types), tie('expression')).map(([type, operand]) => `(${type})(${operand})`),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([condition, yes, no]) => `(${condition}) ? ${yes} : ${no}`),
    fc
      .tuple(
        fc.constantFrom(...functions),
        fc.array(fc.oneof(tie('expression'), fc.constantFrom(...types), fc.constantFrom(...members)), { maxLength: 4 }),
      )
      .map(([name, parameters]) => `${name}(${parameters.join(', ')})`),
    tie('expression').map((inner) => `(${inner})`),
  ),
}));
const whole: Arbitrary<string> = fc
  .tuple(grammar.expression, fc.constantFrom('', '', ',x', ',10', ',5x', ',99999', ',s', ',c', ',b', ',q'))
  .map((parts) => parts.join(''));

export const expressionTargets: readonly FuzzTarget[] = [
  {
    name: 'expressions',
    rounds: 250,
    regressions: [],
    prepare: () => {
      const session = openSession(nodeHost(), { paths: [bundled.image] });
      const context = session.expressions(undefined, { cpu: 0 });
      return {
        caseOf: (seed): FuzzCase => {
          const text = generated(whole, seed);
          const input = seed % 3 === 0 ? mutateText(text, seed, [...names, ...members, ...operators, ...functions]) : text;
          return {
            input,
            run: () => {
              const { value, style } = evaluate(input, context);
              formatValue(value, context, style);
              const { named, indexed } = countChildren(value);
              for (const child of childrenOf(value, { start: 0, count: Math.min(20, named + indexed) }, context)) {
                formatValue(child.value, context, style);
              }
            },
          };
        },
        close: () => {
          session.close();
        },
      };
    },
  },
];
