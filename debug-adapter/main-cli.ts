/** Entry of `pagewalk`: the command line, with the servers that it can start; in a thread of its own making, the jobs. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errors } from './base/errors.ts';
import type { Host } from './base/host.ts';
import { nodeHost } from './platform/node-host.ts';
import { saveFile } from './platform/save-file.ts';
import { workerPort } from './platform/node-worker.ts';
import { processOutput } from './command-line/output.ts';
import { runProgram } from './command-line/program.ts';
import { serveOnPort, serveOnStdio } from './dap/serve.ts';
import { serveJobs } from './session/job-worker.ts';

declare const PAGEWALK_VERSION: string | undefined;

const host: Host = {
  ...nodeHost(new URL(import.meta.url)),
  runScenario: async (scenario, token) => (await loadLanguage()).runScenario(scenario, token),
};
const port = workerPort('jobs');
if (port !== undefined) serveJobs(host, port);
/** Settles when the command line has run; a thread of jobs ends when it is stopped. */
export const finished = port === undefined ? runCommandLine() : undefined;

/** The language of scenarios, in a bundle of its own: only who runs one loads it. Throws `UserError` where that is missing. */
async function loadLanguage() {
  try {
    return await import('./lsp/language-server.ts');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw errors.languageMissing(dirname(fileURLToPath(import.meta.url)));
  }
}

async function runCommandLine(): Promise<void> {
  const output = processOutput({ progressLines: process.argv.includes('--progress') });
  try {
    process.exitCode = await runProgram(host, {
      argv: process.argv.slice(2),
      output,
      version: typeof PAGEWALK_VERSION === 'string' ? PAGEWALK_VERSION : 'development',
      scenarios: {
        load: loadLanguage,
        save: saveFile,
      },
      servers: {
        lsp: async () => {
          const { serveLanguage } = await loadLanguage();
          serveLanguage(process.stdin, process.stdout);
        },
        dap: async (options) => {
          if (options.port === undefined) await serveOnStdio(host, loadLanguage);
          else
            await serveOnPort(host, {
              port: options.port,
              token: options.token,
              loadLanguage,
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
}
