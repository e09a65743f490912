/** KASAN's shadow (mm/kasan/kasan.h, include/linux/kasan.h): which memory a shadow byte tells of, and what it says. */
import { formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import { kasanShadowTables } from '../layout/kasan-shadow.ts';
import type { Kernel } from '../kernel.ts';

/** Shadow of A: (A >> shift) + offset. */
interface Shadow {
  readonly offset: bigint;
  readonly shift: bigint;
  readonly start: bigint;
  readonly end: bigint;
}

/** What lies behind a shadow address; none for kernels without a shadow. */
export function describeKasanShadow(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  const shadow = kernel.once(findShadow);
  if (shadow === undefined || address < shadow.start || address >= shadow.end) return [];
  const of = toAddress(BigInt.asUintN(64, (address - shadow.offset) << shadow.shift));
  const value = optionalRead(() => kernel.memory.u8(address));
  const word = value === undefined ? '' : `: ${meaning(value, shadow)}`;
  const last = toAddress(of + (1n << shadow.shift) - 1n);
  return [
    {
      kind: 'kasan-shadow',
      summary: `KASAN shadow of ${formatAddress(of)}-${formatAddress(last)}${word}`,
      shadowed: formatAddress(of),
      bytes: Number(1n << shadow.shift),
      value: value ?? null,
    },
  ];
}

/** KASAN_SHADOW_OFFSET is a constant of the configuration (arch/.../Kconfig); 16 bytes a shadow byte with software tags. */
function findShadow(kernel: Kernel): Shadow | undefined {
  if (kasanShadowTables(kernel) === undefined) return undefined;
  const bits = BigInt(kernel.root.mode.virtualBits);
  switch (kernel.machine.architecture) {
    case 'x86-64': {
      const offset = 0xdfff_fc00_0000_0000n;
      const start = offset + (((1n << 64n) - (1n << (bits - 1n))) >> 3n);
      return { offset, shift: 3n, start, end: start + (1n << (bits - 4n)) };
    }
    case 'arm64': {
      const tags = kernel.addressOf('kasan_init_sw_tags') !== undefined;
      const shift = tags ? 4n : 3n;
      const configured = kernel.vmcoreinfo?.number('VA_BITS') ?? bits;
      const least = configured < 48n ? configured : 48n;
      const offset = (tags ? tagOffsets : offsets)[Number(least)];
      if (offset === undefined) return undefined;
      // The shadow ends where that of the last address would.
      const end = BigInt.asUintN(64, (1n << (64n - shift)) + offset);
      return { offset, shift, start: end - (1n << (least - shift)), end };
    }
    case 'riscv64': {
      const offset = 0xdfff_ffff_0000_0000n;
      const end = BigInt.asUintN(64, (1n << 61n) + offset);
      return { offset, shift: 3n, start: end - (1n << (bits - 1n - 3n)), end };
    }
    default:
      return undefined;
  }
}

/** arch/arm64/Kconfig: KASAN_SHADOW_OFFSET by VA_BITS, 48 for 52. */
const offsets: Readonly<Record<number, bigint>> = {
  48: 0xdfff_8000_0000_0000n,
  47: 0xdfff_c000_0000_0000n,
  42: 0xdfff_fe00_0000_0000n,
  39: 0xdfff_ffc0_0000_0000n,
  36: 0xdfff_fff8_0000_0000n,
};
const tagOffsets: Readonly<Record<number, bigint>> = {
  48: 0xefff_8000_0000_0000n,
  47: 0xefff_c000_0000_0000n,
  42: 0xefff_fe00_0000_0000n,
  39: 0xefff_ffc0_0000_0000n,
  36: 0xefff_fff8_0000_0000n,
};

const poison: Readonly<Record<number, string>> = {
  0xf1: 'red zone left of a stack variable',
  0xf2: 'red zone between stack variables',
  0xf3: 'red zone right of a stack variable',
  0xf4: 'red zone behind part of a stack variable',
  0xf8: 'vmalloc space that is not in use',
  0xf9: 'red zone of a global variable',
  0xfa: 'freed slab object with its free track',
  0xfb: 'freed slab object',
  0xfc: 'red zone of a slab object',
  0xfe: 'red zone of a page allocation',
  0xff: 'freed page',
};

function meaning(value: number, { shift }: Shadow): string {
  const text = `0x${value.toString(16).padStart(2, '0')}`;
  if (shift !== 3n) return `tag ${text}`;
  if (value === 0) return `${text}, all 8 bytes may be used`;
  if (value < 8) return `${text}, the first ${value} bytes may be used`;
  const word = poison[value];
  return word === undefined ? `${text}, none may be used` : `${text}, ${word}`;
}
