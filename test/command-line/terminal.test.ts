/** What is printed of a name that holds commands of a terminal: to a terminal their numbers, to a file or pipe the bytes as they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processOutput } from '../../debug-adapter/command-line/output.ts';

const hostile = 'comm\u001B]0;title\u0007\n';

/** What `use` writes to a stream that says of itself whether it is a terminal. */
function written(stream: NodeJS.WriteStream, isTTY: boolean, use: () => void): string {
  const write = stream.write.bind(stream);
  const before = Object.getOwnPropertyDescriptor(stream, 'isTTY');
  const parts: string[] = [];
  stream.write = (part: string | Uint8Array): boolean => {
    parts.push(String(part));
    return true;
  };
  Object.defineProperty(stream, 'isTTY', { value: isTTY, configurable: true });
  try {
    use();
  } finally {
    stream.write = write;
    if (before === undefined) Reflect.deleteProperty(stream, 'isTTY');
    else Object.defineProperty(stream, 'isTTY', before);
  }
  return parts.join('');
}

for (const [isTTY, shown] of [
  [true, 'comm\\x1b]0;title\\x07\n'],
  [false, hostile],
] as const) {
  test(isTTY ? 'a terminal' : 'a pipe', () => {
    const text = written(process.stdout, isTTY, () => {
      processOutput().text(hostile);
    });
    assert.equal(text, shown);
    const complaint = written(process.stderr, isTTY, () => {
      processOutput().complain(hostile);
    });
    assert.equal(complaint, `${shown}\n`);
    const progress = written(process.stderr, isTTY, () => {
      processOutput().progress?.(hostile.trimEnd());
    });
    assert.equal(progress, isTTY ? '\rcomm\\x1b]0;title\\x07\u001B[K' : '');
  });
}
