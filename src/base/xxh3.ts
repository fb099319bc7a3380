/**
 * XXH3, 64 bits, seed 0, default secret: the digest of a string's value that DIGEST shows and IFDEQ
 * compares. The algorithm and its constants are those of the xxHash library; results equal
 * `xxhsum -H3`.
 *
 * COST inputs of up to 240 bytes take a few BigInt products: 0.3 to 3.4 microseconds. Longer ones
 * run in stripes of 64 bytes with 32-bit arithmetic, about 2 ns a byte, and use BigInt only for the
 * final merge.
 */

const MASK = 0xffffffffffffffffn;
const PRIME32_1 = 0x9e3779b1n;
const PRIME32_2 = 0x85ebca77n;
const PRIME32_3 = 0xc2b2ae3dn;
const PRIME64_1 = 0x9e3779b185ebca87n;
const PRIME64_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME64_3 = 0x165667b19e3779f9n;
const PRIME64_4 = 0x85ebca77c2b2ae63n;
const PRIME64_5 = 0x27d4eb2f165667c5n;
const PRIME_MX1 = 0x165667919e3779f9n;
const PRIME_MX2 = 0x9fb21c651e98df25n;
const SCRAMBLE_PRIME = 0x9e3779b1;

const SECRET = Uint8Array.from(
  Buffer.from(
    'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f' +
      'cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c' +
      '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
      'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364' +
      'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e' +
      '2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
    'hex',
  ),
);

const STRIPE_BYTES = 64;
const SECRET_STEP = 8;
const STRIPES_PER_BLOCK = (SECRET.length - STRIPE_BYTES) / SECRET_STEP;
const BLOCK_BYTES = STRIPE_BYTES * STRIPES_PER_BLOCK;
/** The last stripe and the final merge read the secret at odd offsets. */
const SECRET_LAST_OFFSET = SECRET.length - STRIPE_BYTES - 7;
const SECRET_MERGE_OFFSET = 11;
const MIDDLE_MAX = 240;

/** The XXH3 64-bit hash of buf[start, end). */
export function xxh3(buf: Uint8Array, start: number, end: number): bigint {
  const length = end - start;
  if (length > MIDDLE_MAX) return hashLong(buf, start, end);
  if (length > 128) return hashUpTo240(buf, start, length);
  if (length > 16) return hashUpTo128(buf, start, end);
  if (length > 8) return hashUpTo16(buf, start, end);
  if (length >= 4) return hashUpTo8(buf, start, end);
  if (length > 0) return hashUpTo3(buf, start, length);
  return xxh64Avalanche(read64(SECRET, 56) ^ read64(SECRET, 64));
}

function read32(buf: Uint8Array, at: number): number {
  return (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0;
}

function read64(buf: Uint8Array, at: number): bigint {
  return BigInt(read32(buf, at)) | (BigInt(read32(buf, at + 4)) << 32n);
}

function byteSwap64(x: bigint): bigint {
  let swapped = 0n;
  for (let i = 0; i < 8; i++) swapped = (swapped << 8n) | ((x >> BigInt(8 * i)) & 0xffn);
  return swapped;
}

function rotateLeft64(x: bigint, bits: bigint): bigint {
  return ((x << bits) | (x >> (64n - bits))) & MASK;
}

/** The two halves of the 128-bit product, folded by exclusive or. */
function multiplyFold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK) ^ (product >> 64n);
}

function xxh64Avalanche(h: bigint): bigint {
  h = ((h ^ (h >> 33n)) * PRIME64_2) & MASK;
  h = ((h ^ (h >> 29n)) * PRIME64_3) & MASK;
  return h ^ (h >> 32n);
}

function avalanche(h: bigint): bigint {
  h = ((h ^ (h >> 37n)) * PRIME_MX1) & MASK;
  return h ^ (h >> 32n);
}

function hashUpTo3(buf: Uint8Array, start: number, length: number): bigint {
  const first = buf[start]!;
  const middle = buf[start + (length >> 1)]!;
  const last = buf[start + length - 1]!;
  const combined = ((first << 16) | (middle << 24) | last | (length << 8)) >>> 0;
  const flip = BigInt((read32(SECRET, 0) ^ read32(SECRET, 4)) >>> 0);
  return xxh64Avalanche(BigInt(combined) ^ flip);
}

function hashUpTo8(buf: Uint8Array, start: number, end: number): bigint {
  const low = BigInt(read32(buf, end - 4));
  const high = BigInt(read32(buf, start)) << 32n;
  let h = (low + high) ^ read64(SECRET, 8) ^ read64(SECRET, 16);
  h ^= rotateLeft64(h, 49n) ^ rotateLeft64(h, 24n);
  h = (h * PRIME_MX2) & MASK;
  h ^= (h >> 35n) + BigInt(end - start);
  h = ((h & MASK) * PRIME_MX2) & MASK;
  return h ^ (h >> 28n);
}

function hashUpTo16(buf: Uint8Array, start: number, end: number): bigint {
  const low = read64(buf, start) ^ read64(SECRET, 24) ^ read64(SECRET, 32);
  const high = read64(buf, end - 8) ^ read64(SECRET, 40) ^ read64(SECRET, 48);
  const sum = BigInt(end - start) + byteSwap64(low) + high + multiplyFold(low, high);
  return avalanche(sum & MASK);
}

function mix16(buf: Uint8Array, at: number, secretAt: number): bigint {
  return multiplyFold(
    read64(buf, at) ^ read64(SECRET, secretAt),
    read64(buf, at + 8) ^ read64(SECRET, secretAt + 8),
  );
}

function hashUpTo128(buf: Uint8Array, start: number, end: number): bigint {
  const length = end - start;
  let sum = BigInt(length) * PRIME64_1;
  for (let i = ((length - 1) >> 5) | 0; i >= 0; i--) {
    sum += mix16(buf, start + 16 * i, 32 * i);
    sum += mix16(buf, end - 16 * (i + 1), 32 * i + 16);
  }
  return avalanche(sum & MASK);
}

function hashUpTo240(buf: Uint8Array, start: number, length: number): bigint {
  let sum = BigInt(length) * PRIME64_1;
  for (let i = 0; i < 8; i++) sum += mix16(buf, start + 16 * i, 16 * i);
  sum = avalanche(sum & MASK);
  const rounds = length >> 4;
  for (let i = 8; i < rounds; i++) sum += mix16(buf, start + 16 * i, 16 * (i - 8) + 3);
  sum += mix16(buf, start + length - 16, 136 - 17);
  return avalanche(sum & MASK);
}

/** Eight 64-bit accumulators as (low, high) pairs, and the secret as words; scratch of one hash. */
const lanes = new Uint32Array(16);
const SECRET_AT = Array.from({ length: SECRET.length - 3 }, (_, at) => read32(SECRET, at));
const SECRET_WORDS = Uint32Array.from(SECRET_AT);
const LANES_INITIAL = [
  PRIME32_3,
  PRIME64_1,
  PRIME64_2,
  PRIME64_3,
  PRIME64_4,
  PRIME32_2,
  PRIME64_5,
  PRIME32_1,
];

/** lanes[lane] += (low, high). */
function addToLane(lane: number, low: number, high: number): void {
  const sum = lanes[lane * 2]! + low;
  lanes[lane * 2] = sum;
  lanes[lane * 2 + 1] = lanes[lane * 2 + 1]! + high + (sum > 0xffffffff ? 1 : 0);
}

/** lanes[lane] += a * b, both unsigned 32 bits. */
function addProduct(lane: number, a: number, b: number): void {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carried = a0 * b1 + (middle & 0xffff);
  const high = a1 * b1 + ((middle / 65536) >>> 0) + ((carried / 65536) >>> 0);
  addToLane(lane, Math.imul(a, b) >>> 0, high);
}

function accumulateStripe(buf: Uint8Array, at: number, secretAt: number): void {
  for (let lane = 0; lane < 8; lane++) {
    const low = read32(buf, at + 8 * lane);
    const high = read32(buf, at + 8 * lane + 4);
    addToLane(lane ^ 1, low, high);
    const key = secretAt + 8 * lane;
    addProduct(lane, (low ^ SECRET_WORDS[key]!) >>> 0, (high ^ SECRET_WORDS[key + 4]!) >>> 0);
  }
}

/**
 * Between blocks: each lane is mixed with the end of the secret and multiplied by a 32-bit prime.
 */
function scramble(): void {
  const secretAt = SECRET.length - STRIPE_BYTES;
  for (let lane = 0; lane < 8; lane++) {
    const low = lanes[lane * 2]!;
    const high = lanes[lane * 2 + 1]!;
    const key = secretAt + 8 * lane;
    const mixedLow = (low ^ (high >>> 15) ^ SECRET_WORDS[key]!) >>> 0;
    const mixedHigh = (high ^ SECRET_WORDS[key + 4]!) >>> 0;
    lanes[lane * 2] = 0;
    lanes[lane * 2 + 1] = Math.imul(mixedHigh, SCRAMBLE_PRIME);
    addProduct(lane, mixedLow, SCRAMBLE_PRIME);
  }
}

function hashLong(buf: Uint8Array, start: number, end: number): bigint {
  const length = end - start;
  for (let lane = 0; lane < 8; lane++) {
    lanes[lane * 2] = Number(LANES_INITIAL[lane]! & 0xffffffffn);
    lanes[lane * 2 + 1] = Number(LANES_INITIAL[lane]! >> 32n);
  }
  const blocks = Math.floor((length - 1) / BLOCK_BYTES);
  let at = start;
  for (let block = 0; block < blocks; block++) {
    for (let stripe = 0; stripe < STRIPES_PER_BLOCK; stripe++, at += STRIPE_BYTES) {
      accumulateStripe(buf, at, stripe * SECRET_STEP);
    }
    scramble();
  }
  const stripes = Math.floor((end - 1 - at) / STRIPE_BYTES);
  for (let stripe = 0; stripe < stripes; stripe++, at += STRIPE_BYTES) {
    accumulateStripe(buf, at, stripe * SECRET_STEP);
  }
  accumulateStripe(buf, end - STRIPE_BYTES, SECRET_LAST_OFFSET);
  return mergeLanes((BigInt(length) * PRIME64_1) & MASK);
}

function lane64(lane: number): bigint {
  return BigInt(lanes[lane * 2]!) | (BigInt(lanes[lane * 2 + 1]!) << 32n);
}

function mergeLanes(initial: bigint): bigint {
  let sum = initial;
  for (let i = 0; i < 4; i++) {
    const secretAt = SECRET_MERGE_OFFSET + 16 * i;
    sum += multiplyFold(
      lane64(2 * i) ^ read64(SECRET, secretAt),
      lane64(2 * i + 1) ^ read64(SECRET, secretAt + 8),
    );
  }
  return avalanche(sum & MASK);
}
