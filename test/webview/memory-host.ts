/** Answers the memory page from a real debug adapter in this process, with the requests that the extension sends. */
import type { HostToMemory, MemoryToHost } from '../../debug-adapter/protocol/memory-panel.ts';
import type { MemoryPagesFacts, TypeLayoutFacts } from '../../debug-adapter/protocol/memory-pages.ts';
import type { KcoreReadFacts } from '../../debug-adapter/protocol/reads.ts';
import type { AddressSpaceFacts } from '../../debug-adapter/protocol/facts.ts';
import type { SearchFacts } from '../../debug-adapter/protocol/search.ts';
import { AnsweringHost } from './answering-host.ts';

export class MemoryHost extends AnsweringHost<HostToMemory, MemoryToHost> {
  async open(stop = 1): Promise<void> {
    const { spaces } = await this.client.body<{ spaces: AddressSpaceFacts[] }>('pagewalk/addressSpaces', {});
    await this.page.send(
      { kind: 'session', state: 'live', name: 'one', next: null },
      { kind: 'opened', spaces, writable: false, watches: false, stop },
    );
    await this.settle();
  }

  protected override async answer(message: MemoryToHost): Promise<void> {
    switch (message.kind) {
      case 'load': {
        const { generation, address, count, mm, physical, kcore } = message;
        const pages = await this.client.body<MemoryPagesFacts>('pagewalk/memoryPages', { address, count, mm, physical });
        const asKcore = kcore ? await this.client.body<KcoreReadFacts>('pagewalk/readAsKcore', { address, count }) : null;
        await this.page.send({ kind: 'pages', generation, address, pages, kcore: asKcore, problem: null });
        break;
      }
      case 'layout': {
        const layout = await this.client.body<TypeLayoutFacts>('pagewalk/typeLayout', { type: message.type });
        await this.page.send({ kind: 'layout', address: message.address, layout });
        break;
      }
      case 'search': {
        const { pattern, mm, physical } = message;
        const { hits, complete, pattern: bytes } = await this.client.body<SearchFacts>('pagewalk/search', { pattern, mm, physical });
        await this.page.send({ kind: 'hits', pattern, hits, length: bytes.bytes.length / 2, complete, problem: null });
        break;
      }
      default:
        break;
    }
  }
}
