/** Random commands on HyperLogLogs. */
import { from, maybe, type Part, some, type Template, word } from './diff-template.ts';

const KEYS = ['a', 'b', 'c', 'd', ''];

const key = from(KEYS);
const element: Part = (random) =>
  random.oneIn(3) ? random.pick(['', 'a', 'b', '\0\xff']) : String(random.below(20_000));
/** Enough elements to make a value long or dense. */
const many: Part = (random) => {
  const first = random.below(1_000_000);
  return Array.from({ length: 1 + random.below(700) }, (_, i) => `${first + i}`);
};

export const HYPERLOGLOG: readonly Template[] = [
  ['DEL', key],
  ['COPY', key, key, maybe(word('REPLACE'))],
  ['RENAME', key, key],
  ['OBJECT', word('ENCODING'), key],
  ['EXPIRE', key, word('1000', '-1')],
  ['SET', key, element],
  ['GET', key],
  ['STRLEN', key],
  ['CONFIG', word('SET'), word('hll-sparse-max-bytes'), word('0', '30', '100', '3000', '16000')],
  ['PFADD', key, some(6, element)],
  ['PFADD', key, element],
  ['PFADD', key, element],
  ['PFADD', key, many],
  ['PFADD', key, many],
  ['PFCOUNT', key],
  ['PFCOUNT', key, some(3, key)],
  ['PFMERGE', key, some(3, key)],
  ['PFDEBUG', word('ENCODING', 'DECODE', 'TODENSE', 'GETREG', 'x'), key],
];
