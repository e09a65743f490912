/** Pages that are missing are asked for again and again in damaged dumps: the reason is found once, and a fault costs little. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { errors, MemoryFault } from '../../debug-adapter/base/errors.ts';
import { AddressSpace } from '../../debug-adapter/memory/address-space.ts';
import type { Translator } from '../../debug-adapter/memory/address-space.ts';
import { frameSize, missingFrame } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';

const shape = { littleEndian: true, pointerSize: 8 } as const;

/** Maps page 1 to a frame that is missing, page 2 to one of which the second half is missing, and nothing else. */
class Half implements Translator, PhysicalMemory {
  readonly ranges = [{ start: 0, end: 2 * frameSize }];
  explained = 0;
  partial = 0;

  frameOf(page: number): number {
    return page === 1 || page === 2 ? page : -1;
  }

  explain(): ReturnType<Translator['explain']> {
    this.explained++;
    return { kind: 'not-mapped', message: 'nothing is mapped' };
  }

  untag(address: ReturnType<typeof toAddress>): ReturnType<typeof toAddress> {
    return address;
  }

  frame(): undefined {
    return undefined;
  }

  partialFrame(frame: number): ReturnType<PhysicalMemory['partialFrame']> {
    this.partial++;
    const whole = missingFrame({ kind: 'excluded', message: 'it was left out' });
    const half = frameSize / 2;
    return frame === 1 ? whole : { bytes: whole.bytes, holes: whole.holes.map((hole) => ({ ...hole, offset: half, length: half })) };
  }
}

function faultAt(space: AddressSpace, address: bigint): string {
  try {
    return String(space.u64(toAddress(address)));
  } catch (error) {
    assert.ok(error instanceof MemoryFault);
    return error.message;
  }
}

test('a page without translation is explained once, and each fault names its own address', () => {
  const half = new Half();
  const space = new AddressSpace(half, half, shape);
  for (let at = 0x5000n; at < 0x6000n; at += 8n) assert.equal(faultAt(space, at), `cannot read 0x${at.toString(16)}: nothing is mapped`);
  assert.equal(half.explained, 1);
  // The last word reaches into the next page, which is the one asked about here.
  assert.match(faultAt(space, 0x4ffcn), /cannot read 0x0*4ffc: nothing/);
  assert.equal(half.explained, 2);
  space.invalidate();
  faultAt(space, 0x5000n);
  assert.equal(half.explained, 3);
});

test('a frame that is missing is looked at once; of one that is there in part, what is there is read', () => {
  const half = new Half();
  const space = new AddressSpace(half, half, shape);
  for (let at = 0x1000n; at < 0x2000n; at += 8n) assert.match(faultAt(space, at), /it was left out/);
  assert.ok(half.partial <= 2, `${half.partial} times`);
  assert.match(faultAt(space, 0x2800n), /cannot read 0x0*2800: it was left out/);
  assert.equal(faultAt(space, 0x27f8n), '0');
  assert.match(faultAt(space, 0x27fcn), /cannot read 0x0*2800: it was left out/);
});

test('a fault notes no calls, other errors do', () => {
  assert.doesNotMatch(new MemoryFault(toAddress(0x5000), 'nothing is mapped').stack ?? '', /\n\s+at /);
  assert.match(errors.limit('too much').stack ?? '', /\n\s+at /);
});
