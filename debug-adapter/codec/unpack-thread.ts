/** What a thread that unpacks pages does: one job after the other, until it is stopped. */
import type { PlatformCodecs } from '../base/host.ts';
import type { WorkerPort } from '../base/worker.ts';
import { UnpackMemory } from './unpack-memory.ts';
import type { UnpackTask } from './unpack-memory.ts';
import { Unpacker } from './unpacker.ts';

/** Called once, in the thread. The first message is its task, which never ends: the thread sleeps where there are no jobs. */
export function serveUnpacking(codecs: PlatformCodecs, port: WorkerPort): void {
  port.listen((heard) => {
    const task = heard as UnpackTask;
    const memory = new UnpackMemory(task);
    const unpacker = new Unpacker({ codecs }, task.pageSize);
    for (;;) {
      memory.work(unpacker);
      memory.waitForJobs();
    }
  });
}
