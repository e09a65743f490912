/** Entry of the threads that unpack pages: small, because it is loaded while somebody waits for what it helps with. */
import { platformCodecs } from './platform/platform-codecs.ts';
import { workerPort } from './platform/node-worker.ts';
import { serveUnpacking } from './codec/unpack-thread.ts';

const port = workerPort('unpack');
if (port !== undefined) serveUnpacking(platformCodecs(), port);
