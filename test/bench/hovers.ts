/**
 * How long a hover's question takes in the adapter when the session is warm: what the address is, and its translation. The
 * addresses are pages of all that the kernel maps and, in them, all kinds of places.
 */
import { parseAddress, toAddress } from '../../debug-adapter/base/address.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { processorSeconds } from './processor-time.ts';

const most = 4000;

export interface HoverFigures {
  readonly count: number;
  /** Milliseconds of the processor. */
  readonly median: number;
  readonly p99: number;
  readonly slowest: number;
}

export function measureHovers(image: string): HoverFigures {
  const session = openSession(nodeHost(), { paths: [image] });
  try {
    const addresses = session.ptdump({}).regions.flatMap(({ start, end, present }) => {
      const [from, to] = [parseAddress(start), parseAddress(end)];
      return from === undefined || to === undefined
        ? []
        : [from, toAddress(from + (to - from) / 2n), ...(present ? [toAddress(to - 8n)] : [])];
    });
    const step = Math.max(1, Math.floor(addresses.length / most));
    const asked = addresses.filter((_, index) => index % step === 0);
    const pass = (): number[] =>
      asked.map((address) => {
        const start = processorSeconds();
        session.identify(address);
        session.translate(address);
        return (processorSeconds() - start) * 1000;
      });
    pass();
    const times = pass().sort((a, b) => a - b);
    return {
      count: times.length,
      median: times[times.length >> 1] ?? Number.NaN,
      p99: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
      slowest: times.at(-1) ?? Number.NaN,
    };
  } finally {
    session.close();
  }
}
