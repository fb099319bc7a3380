/**
 * Doubles in replies of redis-server 7.0, which prints 17 digits where newer versions print the
 * shortest text.
 */
import { formatDouble } from '../../src/base/number-text.ts';

/** A bulk string or RESP3 double with a number that has a fraction, an exponent or many digits. */
const NUMBER = /\$\d+\r\n(-?\d[\d.e+-]*)\r\n|,(-?\d[\d.e+-]*)\r\n/g;

/**
 * A number that newer versions may print in another way: with fewer digits, or with an exponent
 * (121656.798609106 is 1.21656798609106e+5 since 7.2, because it has so many decimals).
 */
function isLong(text: string): boolean {
  return text.includes('e') || text.includes('.') || text.length >= 17;
}

/** The reply with its long numbers in their shortest form. */
export function withShortDoubles(reply: string): string {
  return reply.replace(NUMBER, (whole, bulk: string | undefined, double: string | undefined) => {
    const text = bulk ?? double ?? '';
    if (!isLong(text)) return whole;
    const short = formatDouble(Number(text));
    return bulk === undefined ? `,${short}\r\n` : `$${short.length}\r\n${short}\r\n`;
  });
}

/** Whether two replies differ in the digits of their doubles and the sign of zero only. */
export function isSameDoubles(real: string, ours: string): boolean {
  return plain(real) === plain(ours);
}

/** A packed -0 is 0 since 7.2. */
function plain(reply: string): string {
  return withShortDoubles(reply)
    .replaceAll(',-0\r\n', ',0\r\n')
    .replaceAll('$2\r\n-0\r\n', '$1\r\n0\r\n');
}
