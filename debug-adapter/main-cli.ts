/** Entry of `pagewalk`: the command line, with the servers that it can start. */
import { nodeHost } from './platform/node-host.ts';
import { processOutput } from './command-line/output.ts';
import { runProgram } from './command-line/program.ts';

declare const PAGEWALK_VERSION: string | undefined;

const host = nodeHost();
const output = processOutput();

try {
  process.exitCode = await runProgram(host, {
    argv: process.argv.slice(2),
    output,
    version: typeof PAGEWALK_VERSION === 'string' ? PAGEWALK_VERSION : 'development',
    servers: {
      dap: async ({ port }) => {
        const { serveOnPort, serveOnStdio } = await import('./dap/serve.ts');
        if (port === undefined) await serveOnStdio(host);
        else
          await serveOnPort(host, {
            port,
            announce: (line) => {
              output.complain(line);
            },
          });
      },
    },
  });
} catch (error) {
  output.complain(
    `pagewalk: this is a defect of Pagewalk, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  process.exitCode = 70;
}
