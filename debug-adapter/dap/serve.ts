/** Serves the Debug Adapter Protocol on standard input and output, or on a loopback port (one session a connection). */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Host } from '../base/host.ts';
import { errors } from '../base/errors.ts';
import type { ScenarioLanguage } from '../session/scenario.ts';
import { DapServer } from './server.ts';

/** Loads the language of scenarios, which lies in a bundle of its own. */
type LoadLanguage = () => Promise<ScenarioLanguage>;

/** Ends when the client disconnects or closes its end. */
export function serveOnStdio(host: Host, loadLanguage: LoadLanguage): Promise<void> {
  return new Promise<void>((resolve) => {
    const server = new DapServer(host, resolve, loadLanguage);
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

/** Listens on 127.0.0.1 until the process is ended; `announce` gets the port in words once it is open. */
export function serveOnPort(
  host: Host,
  options: { port: number; announce: (line: string) => void; loadLanguage: LoadLanguage },
): Promise<void> {
  return new Promise((_resolve, reject) => {
    const listener = createServer((socket) => {
      const server = new DapServer(
        host,
        () => {
          socket.end();
        },
        options.loadLanguage,
      );
      socket.on('close', () => {
        server.close();
      });
      // A client that vanishes ends its session, not the server.
      socket.on('error', () => {
        server.close();
      });
      server.start(socket, socket);
    });
    listener.on('error', (error) => {
      reject(errors.badArgument(`port ${options.port} cannot be opened (${error.message}); choose another, or 0 for any`));
    });
    listener.listen(options.port, '127.0.0.1', () => {
      options.announce(`Pagewalk debug adapter listens on 127.0.0.1:${(listener.address() as AddressInfo).port}`);
    });
  });
}
