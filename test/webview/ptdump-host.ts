/** Answers the ptdump page from a real debug adapter in this process, with the requests that the extension sends. */
import type {
  AddressSpaceFacts,
  FindingFacts,
  IdentifyFacts,
  ReverseMapFacts,
  TranslationFacts,
} from '../../debug-adapter/protocol/facts.ts';
import type { HostToPtdump, PtdumpToHost } from '../../debug-adapter/protocol/ptdump-panel.ts';
import type { PtdumpLine } from '../../debug-adapter/protocol/requests.ts';
import type { VmallocFacts } from '../../debug-adapter/protocol/vmalloc.ts';
import { AnsweringHost } from './answering-host.ts';

export class PtdumpHost extends AnsweringHost<HostToPtdump, PtdumpToHost> {
  async open(): Promise<void> {
    const { spaces } = await this.client.body<{ spaces: AddressSpaceFacts[] }>('pagewalk/addressSpaces', {});
    await this.page.send({ kind: 'session', state: 'live', name: 'vmcore', next: null }, { kind: 'spaces', spaces });
    await this.settle();
  }

  protected override async answer(message: PtdumpToHost): Promise<void> {
    switch (message.kind) {
      case 'load': {
        const { generation, mm, user } = message;
        const asked = { mm, user, start: 0, count: 1_000_000 };
        const { total, lines } = await this.client.body<{ total: number; lines: PtdumpLine[] }>('pagewalk/ptdump', asked);
        await this.page.send({ kind: 'lines', generation, start: 0, total, lines });
        break;
      }
      case 'owners': {
        const { generation, mm, asked } = message;
        const addresses = asked.map(({ address }) => address);
        const { results } = await this.client.body<{ results: IdentifyFacts[] }>('pagewalk/identify', { addresses, mm });
        const owners = asked.map(({ line }, at) => ({ line, owner: results[at]?.summary ?? '' }));
        await this.page.send({ kind: 'owners', generation, owners });
        break;
      }
      case 'findings': {
        const { generation, mm } = message;
        const { findings } = await this.client.body<{ findings: FindingFacts[] }>('pagewalk/findings', { mm });
        await this.page.send({ kind: 'findings', generation, findings, problem: null });
        break;
      }
      case 'select':
        await this.#sendDetails(message);
        break;
      case 'whoMaps': {
        const { generation, physical, all } = message;
        const { results } = await this.client.body<ReverseMapFacts>('pagewalk/reverseMap', { physical: [physical], all });
        await this.page.send({ kind: 'mappings', generation, physical, all, result: results[0] ?? null, problem: null });
        break;
      }
      default:
        break;
    }
  }

  async #sendDetails({ address, mm }: Extract<PtdumpToHost, { kind: 'select' }>): Promise<void> {
    const asked = { addresses: [address], mm };
    const identified = await this.client.body<{ results: IdentifyFacts[] }>('pagewalk/identify', asked);
    const translated = await this.client.body<{ results: TranslationFacts[] }>('pagewalk/translate', asked);
    const [[identify], [walk]] = [identified.results, translated.results];
    if (identify === undefined || walk === undefined) return;
    const named = identify.details.find(({ kind }) => kind === 'vmap-block')?.['block'];
    const { areas } = await this.client.body<VmallocFacts>('pagewalk/vmallocAreas', {});
    const area = areas.find(({ block }) => block !== null && block.address === named);
    const block = area === undefined || area.block === null ? null : { start: area.start, facts: area.block };
    await this.page.send({ kind: 'details', address, identify, walk, block });
  }
}
