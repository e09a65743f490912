/** Serves the Debug Adapter Protocol on standard input and output, or on a loopback port (one session a connection). */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Host } from '../base/host.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ScenarioLanguage } from '../session/scenario.ts';
import { DapServer } from './server.ts';

/** How long a client may take to read what it was told at the end. */
const lingerMilliseconds = 5000;
/** How long a client may take to give its token: those that give none would take all places of those that have it. */
const patienceMilliseconds = 60_000;

/** Loads the language of scenarios, which lies in a bundle of its own. */
type LoadLanguage = () => Promise<ScenarioLanguage>;

/** Ends when the client disconnects or closes its end. */
export function serveOnStdio(host: Host, loadLanguage: LoadLanguage): Promise<void> {
  return new Promise<void>((resolve) => {
    const server = new DapServer(host, { onEnd: resolve, loadLanguage });
    process.stdin.on('end', () => {
      server.close();
      resolve();
    });
    server.start(process.stdin, process.stdout);
  }).then(() => {
    // The reply to disconnect is written before the event loop comes round again.
    setImmediate(() => process.exit(process.exitCode ?? 0));
  });
}

interface PortOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** What clients have to know; everybody may ask where it is left out. */
  readonly token?: string | undefined;
  /** Gets the port in words once it is open. */
  readonly announce: (line: string) => void;
  readonly loadLanguage: LoadLanguage;
  /** Milliseconds that a client may take to give its token; a minute where it is left out. */
  readonly patience?: number | undefined;
  /** Ends the listening; clients that are connected stay so. */
  readonly signal?: AbortSignal | undefined;
}

/** Listens on 127.0.0.1 for several clients at a time, until all is over: each connection is a session of its own. */
export function serveOnPort(host: Host, options: PortOptions): Promise<void> {
  const { token, loadLanguage } = options;
  return new Promise((resolve, reject) => {
    const listener = createServer((socket) => {
      const onEnd = (): void => {
        socket.end();
        // A client that does not close its end has its place taken.
        const lingering = setTimeout(() => socket.destroy(), lingerMilliseconds);
        socket.on('close', () => {
          clearTimeout(lingering);
        });
      };
      const server = new DapServer(host, { onEnd, loadLanguage, token });
      socket.on('close', () => {
        server.close();
      });
      // A client that vanishes ends its session, not the server.
      socket.on('error', () => {
        server.close();
      });
      if (token !== undefined) turnAwayStrangers(server, socket, options.patience ?? patienceMilliseconds);
      server.start(socket, socket);
    });
    listener.maxConnections = limits.clients;
    listener.on('error', (error) => {
      reject(errors.badArgument(`port ${options.port} cannot be opened (${error.message}); choose another, or 0 for any`));
    });
    listener.on('close', resolve);
    listener.listen({ port: options.port, host: '127.0.0.1', signal: options.signal }, () => {
      const told = token === undefined ? '' : ', for clients that know the token';
      options.announce(`Pagewalk debug adapter listens on 127.0.0.1:${(listener.address() as AddressInfo).port}${told}`);
    });
  });
}

function turnAwayStrangers(server: DapServer, socket: Socket, patience: number): void {
  const waited = setTimeout(() => {
    server.turnAwayStranger();
  }, patience);
  socket.on('close', () => {
    clearTimeout(waited);
  });
}
