/** Counting with the bits in reverse order: the cursors of scans that survive resizes. */

/** The cursor after `cursor` in reverse-binary order under `mask`; 0 at the end. */
export function reverseIncrement(cursor: number, mask: number): number {
  let v = reverseBits(cursor | ~mask);
  v = reverseBits((v + 1) >>> 0);
  return v >>> 0;
}

function reverseBits(value: number): number {
  let v = value;
  v = ((v >>> 1) & 0x55555555) | ((v & 0x55555555) << 1);
  v = ((v >>> 2) & 0x33333333) | ((v & 0x33333333) << 2);
  v = ((v >>> 4) & 0x0f0f0f0f) | ((v & 0x0f0f0f0f) << 4);
  v = ((v >>> 8) & 0x00ff00ff) | ((v & 0x00ff00ff) << 8);
  return ((v >>> 16) | (v << 16)) >>> 0;
}
