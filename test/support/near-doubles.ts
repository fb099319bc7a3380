/**
 * Replies of geo commands of two servers: coordinates in 17 decimals or in their shortest form, and
 * sines that differ in their last bit.
 */

const DISTANCE = /^-?\d+\.\d{4}$/;
const NUMBER = /^,?(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
/** One unit of the last decimal shown. */
const DISTANCE_APART = 0.00011;
const APART = 1e-13;

/** The lines of a reply without the lengths of bulk strings. */
function lines(reply: string): string[] {
  return reply.split('\r\n').filter((line) => !/^\$\d+$/.test(line));
}

function isNear(real: string, ours: string): boolean {
  const a = NUMBER.exec(real);
  const b = NUMBER.exec(ours);
  if (a === null || b === null) return false;
  const left = Number(a[1]);
  const apart = Math.abs(left - Number(b[1]));
  const isDistance = DISTANCE.test(real) && DISTANCE.test(ours);
  return apart <= (isDistance ? DISTANCE_APART : APART * Math.max(1, Math.abs(left)));
}

/** Whether two replies are the same but for the last digits of their numbers. */
export function isSameGeo(real: string, ours: string): boolean {
  const left = lines(real);
  const right = lines(ours);
  if (left.length !== right.length) return false;
  return left.every((line, i) => line === right[i] || isNear(line, right[i]!));
}
