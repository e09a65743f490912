/** One client of the adapter that is soaked: it opens an image, asks at random, and leaves. Every reply is counted. */
import type { Dice } from '../builders/mutations.ts';
import { RawClient } from '../dap/raw-client.ts';
import type { Reply } from '../dap/raw-client.ts';
import { connected } from '../support/connected.ts';
import { Known, randomRequest } from './requests.ts';
import type { Tally } from './tally.ts';

/** Requests that are sent before the first of them is answered, at most. */
const burst = 8;
const mostBursts = 40;
/** How long the whole of a session's requests may take before one counts as not answered. */
const patienceMilliseconds = 180_000;

export async function soakSession(
  port: number,
  settings: object,
  { dice, tally, until }: { dice: Dice; tally: Tally; until: number },
): Promise<void> {
  const socket = await connected(port);
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      resolve();
    });
  });
  const client = new RawClient(socket);
  const known = new Known();
  const commands = new Map<number, string>();
  const send = (command: string, parameters: unknown): number => {
    const seq = client.send(command, parameters);
    commands.set(seq, command);
    return seq;
  };
  const answered = async (sent: readonly number[]): Promise<readonly Reply[]> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const missing = sent.filter((seq) => !client.replies.has(seq)).map((seq) => commands.get(seq) ?? '');
        reject(new Error(`not answered: ${missing.join(', ')} (${JSON.stringify(settings)})`));
      }, patienceMilliseconds);
    });
    try {
      return await Promise.race([Promise.all(sent.map((seq) => client.replyTo(seq))), late]);
    } finally {
      clearTimeout(timer);
    }
  };
  await answered([send('initialize', { supportsProgressReporting: dice.next(2) === 0 }), send('launch', settings)]);
  if (dice.next(10) > 0) await answered([send('configurationDone', {})]);
  for (let bursts = 1 + dice.next(mostBursts); bursts > 0 && Date.now() < until; bursts--) {
    const sent: number[] = [];
    for (let count = 1 + dice.next(burst); count > 0; count--) {
      const { command, parameters } = randomRequest(dice, known);
      sent.push(send(command, parameters));
      if (dice.next(20) === 0) sent.push(send('cancel', { requestId: sent[dice.next(sent.length)] }));
    }
    for (const reply of await answered(sent)) if (reply.success) known.learn(reply.body);
  }
  const vanishes = dice.next(4) === 0;
  if (vanishes) {
    for (let count = dice.next(burst); count > 0; count--) {
      const { command, parameters } = randomRequest(dice, known);
      client.send(command, parameters);
    }
    socket.destroy();
  } else await answered([send('disconnect', {})]);
  await closed;
  for (const [seq, command] of commands) tally.count(command, client.replies.get(seq) ?? []);
  tally.sessions++;
  if (vanishes) tally.vanished++;
}
