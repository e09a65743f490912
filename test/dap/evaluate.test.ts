/** Expressions as a client sends them: hover, watch, repl and clipboard, completion; and what memory is by physical address. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { ExplainedFacts, IdentifyFacts, TranslationFacts } from '../../debug-adapter/protocol/facts.ts';
import { absent, expandedDump } from '../support/dumps.ts';
import { underLimits } from '../support/lowered-limits.ts';
import { RawClient } from './raw-client.ts';

type Evaluated = DebugProtocol.EvaluateResponse['body'];
type Variables = DebugProtocol.VariablesResponse['body'];
type Completions = DebugProtocol.CompletionsResponse['body'];

const debian = 'x86-64-debian-6.12';

describe('the Debian kernel', { skip: absent(debian) ?? false }, () => {
  const client = new RawClient();
  before(async () => {
    await client.launch({ image: expandedDump(debian, 'dump.elf') });
  });
  after(async () => {
    await client.body('disconnect');
  });
  const evaluate = (expression: string, context: string): Promise<Evaluated> => client.body('evaluate', { expression, context });
  const children = async (variablesReference: number): Promise<Map<string, string>> => {
    const { variables } = await client.body<Variables>('variables', { variablesReference });
    return new Map(variables.map(({ name, value }) => [name, value]));
  };

  test('a hover over an address, a symbol and a place in code tells what it is', async () => {
    for (const [expression, result] of [
      ['0xffff8ea081238000', /^allocated object 0 of 3 in a slab of cache task_struct .* task 1 \(init\)$/],
      ['ffffffffa3e43884', /^irq_init_percpu_irqstack\+0xf4\/0x130$/],
      ['irq_init_percpu_irqstack+0xf4/0x130', /^irq_init_percpu_irqstack\+0xf4\/0x130$/],
      ['start_kernel', /^start_kernel\+0x0\//],
    ] as const) {
      const answer = await evaluate(expression, 'hover');
      assert.match(answer.result, result);
      assert.match(answer.memoryReference ?? '', /^0x[0-9a-f]{16}$/);
      assert.ok((await children(answer.variablesReference)).has('physical'));
    }
  });

  test('values in a watch have members, which have members', async () => {
    const task = await evaluate('pid(1)', 'watch');
    assert.equal(task.type, 'struct task_struct *');
    assert.equal((await children(task.variablesReference)).get('comm'), '"init"');
    const list = await evaluate('list(&init_task.tasks, struct task_struct, tasks)', 'watch');
    assert.ok((list.indexedVariables ?? 0) > 50);
    const lines = await evaluate('ptdump(0xffffd4bf80000000)', 'repl');
    assert.equal([...(await children(lines.variablesReference)).values()][0], '---[ vmalloc() Area ]---');
    const identified = await evaluate('identify_physical(0x1238000)', 'watch');
    assert.match(identified.result, /^allocated object 0 of 3/);
    assert.ok(identified.variablesReference > 0);
  });

  test('an array is given as far as a page goes, and a row holds those behind', async () => {
    await underLimits({ expressionElements: 10 }, async () => {
      const list = await evaluate('list(&init_task.tasks, struct task_struct, tasks)', 'watch');
      const names: string[] = [];
      let pages = 0;
      for (let reference = list.variablesReference; reference !== 0; pages++) {
        const { variables } = await client.body<Variables>('variables', { variablesReference: reference });
        names.push(...variables.flatMap(({ name }) => (name === 'more' ? [] : name)));
        reference = variables.find(({ name }) => name === 'more')?.variablesReference ?? 0;
      }
      const count = list.indexedVariables ?? 0;
      assert.equal(pages, Math.ceil(count / 10));
      assert.deepEqual(
        names,
        Array.from({ length: count }, (_, index) => `[${index}]`),
      );
    });
  });

  test('the console has commands, and the clipboard gets the whole structure', async () => {
    assert.equal((await evaluate('.vtop init_task', 'repl')).result, 'physical 0x8a10940');
    assert.match((await evaluate('pid(1)->se', 'clipboard')).result, /^struct sched_entity \{\n {2}load = \{\n/);
    assert.equal((await evaluate('pid(1)->comm,s', 'clipboard')).result, '"init"');
  });

  test('errors tell the place, and every one is one sentence', async () => {
    for (const [expression, message] of [
      ['pid(1)->nothing', /^struct task_struct has no member nothing in expression, at character 9: /],
      ['1 + (2', /^«\)» is missing in expression, at character 7: /],
      ['no_such_symbol_', /^no symbol is called no_such_symbol_/],
      ['(struct nothing *)1', /^no type is called struct nothing \*/],
    ] as const) {
      const reply = await client.ask('evaluate', { expression, context: 'watch' });
      assert.equal(reply.success, false);
      assert.match(reply.message ?? '', message);
    }
  });

  test('completion knows functions, symbols, types and members', async () => {
    for (const [text, label] of [
      ['ptd', 'ptdump'],
      ['identify_', 'identify_physical'],
      ['1 + phys_', 'phys_to_page'],
      ['init_ta', 'init_task'],
      ['init_task.com', 'comm'],
      ['pid(1)->mm->pg', 'pgd'],
      ['(struct vmap_a', 'vmap_area'],
    ] as const) {
      const { targets } = await client.body<Completions>('completions', { text, column: text.length + 1 });
      assert.ok(
        targets.some((target) => target.label.replace(/^struct /, '') === label),
        `${text}: ${targets.map((target) => target.label).join(' ')}`,
      );
    }
  });

  test('pagewalk/explain: what identify and translate say of a text as registers and backtraces have it', async () => {
    const [address, bare, symbol] = ['0xffffd4bf80801000', 'ffffd4bf80801000', 'pv_native_safe_halt+0xf/0x20'];
    const asked = { addresses: [address, bare, symbol, 'no_such_symbol_+0x1/0x2', '0x12345678123456789'] };
    const { results } = await client.body<{ results: (ExplainedFacts | null)[] }>('pagewalk/explain', asked);
    const identified = await client.body<{ results: IdentifyFacts[] }>('pagewalk/identify', { addresses: [address] });
    const translated = await client.body<{ results: TranslationFacts[] }>('pagewalk/translate', { addresses: [address] });
    assert.deepEqual(results.slice(0, 2), Array(2).fill({ identify: identified.results[0], walk: translated.results[0] }));
    assert.match(results[2]?.identify.summary ?? '', /^pv_native_safe_halt\+0xf\/0x20/);
    assert.deepEqual(results.slice(3), [null, null]);
    const low = { addresses: ['0x1000'], mm: '1' };
    const inProcess = await client.body<{ results: ExplainedFacts[] }>('pagewalk/explain', low);
    const inKernel = await client.body<{ results: ExplainedFacts[] }>('pagewalk/explain', { addresses: low.addresses });
    const walked = await client.body<{ results: TranslationFacts[] }>('pagewalk/translate', low);
    assert.deepEqual(inProcess.results[0]?.walk, walked.results[0]);
    assert.notDeepEqual(inProcess.results[0]?.walk, inKernel.results[0]?.walk);
  });

  test('pagewalk/identify of physical addresses; one that cannot be one is refused', async () => {
    const { results } = await client.body<{ results: IdentifyFacts[] }>('pagewalk/identify', {
      addresses: ['0x1238000', '0xfec00000'],
      physical: true,
    });
    assert.deepEqual(
      results.map(({ kind }) => kind),
      ['slab-object', 'resource'],
    );
    const refused = await client.ask('pagewalk/identify', { addresses: ['0xffff8ea081238000'], physical: true });
    assert.match(refused.message ?? '', /physical addresses lie below 2\^53/);
  });
});
