/** Scenarios of clients that wait for entries of streams; blocking-scenarios.ts has the syntax. */

/** A group g at the stream k, and what stands for a read of it. */
const GROUP = 'd> XGROUP CREATE k g $ MKSTREAM';
const read = (consumer: string, options = 'BLOCK 0', streams = 'k >'): string =>
  `XREADGROUP GROUP g ${consumer} ${options} STREAMS ${streams}`;

export const STREAM_SCENARIOS: readonly (readonly [name: string, steps: string])[] = [
  ['reads what is there', 'a> XADD k 1-1 f v|a> XREAD BLOCK 0 STREAMS k 0|a> XREAD STREAMS k 1-1'],
  ['woken by an entry', 'a: XREAD BLOCK 0 STREAMS k $|b> XADD k 1-1 f v|a<|b> XLEN k'],
  [
    'several streams on several shards',
    'a: XREAD BLOCK 0 STREAMS k1 k2 k3 k4 k5 $ 0 $ 7 $|b> XADD k3 1-1 f v|a<|' +
      'a: XREAD BLOCK 0 STREAMS k1 k2 k3 k4 k5 $ 0 $ 7 $|b> XADD k4 6-6 f v|b> XADD k4 7-1 f v|' +
      'a<|b> XADD k1 1-1 f v',
  ],
  [
    'the last ID stays what it was',
    'd> XADD k 5-0 f v|a: XREAD BLOCK 0 STREAMS k $|b> DEL k|b> XADD k 1-1 f v|' +
      'b> XADD k 6-0 f w|a<',
  ],
  [
    'an ID that is yet to come',
    'a: XREAD BLOCK 0 STREAMS k 5-3|b> XADD k 3-0 f v|b> XADD k 5-3 f v|b> XADD k 5-4 f v|a<',
  ],
  [
    'all readers of one entry, in order',
    'a: XREAD BLOCK 0 STREAMS k $|b: XREAD BLOCK 0 STREAMS j k $ $|c: XREAD BLOCK 0 STREAMS k 0|' +
      'd> XADD k 1-1 f v|a<|b<|c<|a: XREAD BLOCK 0 STREAMS k $|d> XADD j 1-1 f v|' +
      'd> XADD k 2-1 f v|a<',
  ],
  [
    'several entries at once',
    'a: XREAD BLOCK 0 STREAMS k $|b: XREAD COUNT 1 BLOCK 0 STREAMS k $|' +
      'c> MULTI|c> XADD k 1-1 f v|c> XADD k 1-2 f w|c> EXEC|a<|b<',
  ],
  [
    'nothing left after a transaction',
    'a: XREAD BLOCK 0 STREAMS k $|b> MULTI|b> XADD k 1-1 f v|b> DEL k|b> EXEC|b> XADD k 1-1 f w|a<',
  ],
  [
    'a string in between',
    'a: XREAD BLOCK 0 STREAMS k $|b> MULTI|b> XADD k 1-1 f v|b> DEL k|b> SET k s|b> EXEC|' +
      'b> DEL k|b> LPUSH k x|b> DEL k|b> XADD k 1-1 f z|a<',
  ],
  [
    'the same stream twice',
    'a: XREAD BLOCK 0 STREAMS k k 0 0|b> XADD k 1-1 f v|a<|a> XREAD BLOCK 0 STREAMS k k 0 $',
  ],
  [
    'wrong type at once',
    'a> SET s v|a> XREAD BLOCK 0 STREAMS s $|a> XREAD BLOCK 0 STREAMS k s $ $|' +
      'a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >|a> XREADGROUP GROUP g c BLOCK 0 STREAMS k >',
  ],
  [
    'time is over',
    `${GROUP}|a> XREAD BLOCK 1 STREAMS k $|a> ${read('c', 'BLOCK 1')}|a> HELLO 3|` +
      `a> XREAD BLOCK 1 STREAMS k j $ $|a> ${read('c', 'COUNT 2 BLOCK 1')}`,
  ],
  [
    'bad times and counts',
    'a> XREAD BLOCK x STREAMS k $|a> XREAD BLOCK -1 STREAMS k $|a> XREAD BLOCK 1.5 STREAMS k 0|' +
      'a> XREAD COUNT x BLOCK 0 STREAMS k 0|a> XREAD BLOCK 0 COUNT 1 STREAMS k|' +
      'a> XREAD BLOCK 0 STREAMS|a> XREAD BLOCK 0 k 0|a> XREAD BLOCK|a> XREAD BLOCK 1 STREAMS k >',
  ],
  [
    'in a transaction',
    `${GROUP}|a> MULTI|a> XREAD BLOCK 0 STREAMS k $|a> ${read('c')}|a> XADD k 1-1 f v|` +
      `a> ${read('c')}|a> XREAD BLOCK 0 STREAMS k 0|a> EXEC|a> XPENDING k g`,
  ],
  [
    'in RESP3',
    `${GROUP}|a> HELLO 3|a> CLIENT SETNAME a|a: XREAD BLOCK 0 STREAMS j k $ $|b> HELLO 3|` +
      `b> CLIENT SETNAME b|b: ${read('c')}|d> XADD k 1-1 f v|a<|b<`,
  ],
  [
    'a group gets an entry once',
    `${GROUP}|a: ${read('a')}|b: ${read('b')}|d> XADD k 1-1 f v|a<|d> XADD k 1-2 f w|b<|` +
      `d> XPENDING k g|d> XADD k 1-3 f x|d> ${read('c', 'COUNT 9')}|d> ${read('a', 'COUNT 9')}`,
  ],
  [
    'the first takes all',
    `${GROUP}|a: ${read('a')}|b: ${read('b')}|d> MULTI|d> XADD k 1-1 f v|d> XADD k 1-2 f w|` +
      'd> EXEC|a<|d> XADD k 1-3 f x|b<|d> XPENDING k g',
  ],
  [
    'or as many as it wants',
    `${GROUP}|a: ${read('a', 'COUNT 1 BLOCK 0')}|b: ${read('b', 'BLOCK 0 COUNT 2')}|` +
      `c: ${read('c')}|d> MULTI|d> XADD k 1-1 f 1|d> XADD k 1-2 f 2|d> XADD k 1-3 f 3|` +
      'd> XADD k 1-4 f 4|d> EXEC|a<|b<|c<|d> XPENDING k g',
  ],
  [
    'two groups and a reader',
    `${GROUP}|d> XGROUP CREATE k h 0|a: ${read('a')}|b: XREADGROUP GROUP h b BLOCK 0 STREAMS k >|` +
      'c: XREAD BLOCK 0 STREAMS k $|d> XADD k 1-1 f v|a<|b<|c<|d> XPENDING k g|d> XPENDING k h',
  ],
  [
    'groups of several streams',
    `${GROUP}|d> XGROUP CREATE j g $ MKSTREAM|a: ${read('a', 'BLOCK 0', 'j k > >')}|` +
      `b: ${read('b', 'BLOCK 0', 'k j > >')}|d> XADD j 1-1 f v|a<|d> XADD k 1-1 f v|b<|` +
      'd> XPENDING k g|d> XPENDING j g',
  ],
  [
    'without acknowledgement',
    `${GROUP}|a: ${read('a', 'BLOCK 0 NOACK')}|d> XADD k 1-1 f v|a<|d> XPENDING k g`,
  ],
  [
    'history does not wait',
    `${GROUP}|a> ${read('a', 'BLOCK 0', 'k 0')}|d> XADD k 1-1 f v|a> ${read('a')}|` +
      `a> ${read('a', 'BLOCK 0', 'k 0')}|d> XGROUP CREATE j g 0 MKSTREAM|` +
      `a> ${read('a', 'BLOCK 0', 'j k > 0')}`,
  ],
  [
    'beside lists and sorted sets',
    'a: BLPOP k 0|b: XREAD BLOCK 0 STREAMS k $|c: BZPOPMIN k 0|d> XADD k 1-1 f v|b<|d> DEL k|' +
      'd> ZADD k 1 m|c<|d> RPUSH k x|a<',
  ],
  ['deleted', `${GROUP}|a: ${read('a')}|d> DEL k|a<|a> EXISTS k`],
  ['unlinked', `${GROUP}|a: ${read('a')}|b: ${read('b')}|d> UNLINK k|a<|b<`],
  ['expired', `${GROUP}|a: ${read('a')}|d> PEXPIRE k 5|a<`],
  ['expired at once', `${GROUP}|a: ${read('a')}|d> EXPIRE k -1|a<`],
  [
    'one of two deleted',
    `${GROUP}|d> XGROUP CREATE j g $ MKSTREAM|a: ${read('a', 'BLOCK 0', 'j k > >')}|d> DEL k|a<|` +
      'd> XADD j 1-1 f v|d> XPENDING j g',
  ],
  ['of another type', `${GROUP}|a: ${read('a')}|b: ${read('b')}|d> SET k v|a<|b<`],
  [
    'deleted where some wait for a list',
    `a: BLPOP k 0|${GROUP}|b: ${read('b')}|c: XREAD BLOCK 0 STREAMS k $|d> DEL k|b<|` +
      'd> RPUSH k x|a<|d> XADD k 1-1 f v|c<',
  ],
  ['group destroyed', `${GROUP}|a: ${read('a')}|b: ${read('b')}|d> XGROUP DESTROY k g|a<|b<`],
  [
    'another group destroyed',
    `${GROUP}|d> XGROUP CREATE k h $|a: ${read('a')}|d> XGROUP DESTROY k h|d> XADD k 1-1 f v|a<`,
  ],
  [
    'destroyed and made again in a transaction',
    `${GROUP}|a: ${read('a')}|d> MULTI|d> XGROUP DESTROY k g|d> XGROUP CREATE k g 0|d> EXEC|` +
      'd> XADD k 1-1 f v|a<',
  ],
  [
    'deleted and made again in a transaction',
    `${GROUP}|a: ${read('a')}|d> MULTI|d> DEL k|d> XGROUP CREATE k g 0 MKSTREAM|d> EXEC|` +
      'd> XADD k 1-1 f v|a<',
  ],
  ['consumer deleted', `${GROUP}|a: ${read('a')}|d> XGROUP DELCONSUMER k g a|d> XADD k 1-1 f v|a<`],
  [
    'FLUSHALL',
    `${GROUP}|a: ${read('a')}|b: XREAD BLOCK 0 STREAMS k $|d> FLUSHALL|a<|d> XADD k 1-1 f v|b<`,
  ],
  ['FLUSHDB', `${GROUP}|a: ${read('a')}|d> SELECT 1|d> FLUSHDB|d> SELECT 0|d> FLUSHDB ASYNC|a<`],
  [
    'FLUSHALL of streams on several shards',
    'd> XGROUP CREATE k1 g $ MKSTREAM|d> XGROUP CREATE k2 g $ MKSTREAM|' +
      'd> XGROUP CREATE k3 g $ MKSTREAM|d> XGROUP CREATE k4 g $ MKSTREAM|' +
      `a: ${read('a', 'BLOCK 0', 'k1 k2 > >')}|b: ${read('b', 'BLOCK 0', 'k3 k4 > >')}|` +
      'd> FLUSHALL|a<|b<|d> DBSIZE',
  ],
  [
    'FLUSHALL in a transaction that makes the group again',
    `${GROUP}|a: ${read('a')}|d> MULTI|d> FLUSHALL|d> XGROUP CREATE k g $ MKSTREAM|d> EXEC|` +
      'd> XADD k 1-1 f v|a<',
  ],
  ['SWAPDB to nothing', `${GROUP}|a: ${read('a')}|d> SWAPDB 0 1|a<`],
  [
    'SWAPDB to another stream',
    `${GROUP}|a: ${read('a')}|b: XREAD BLOCK 0 STREAMS k $|d> SELECT 1|` +
      'd> XGROUP CREATE k g $ MKSTREAM|d> XADD k 1-1 f v|d> SWAPDB 0 1|a<|b<',
  ],
  [
    'SWAPDB to a stream without the group',
    `${GROUP}|a: ${read('a')}|d> SELECT 1|d> XADD k 1-1 f v|d> SWAPDB 0 1|a<`,
  ],
  [
    'RENAME to the key',
    'a: XREAD BLOCK 0 STREAMS k $|d> XADD t 1-1 f v|d> RENAME t k|a<|d> XLEN k',
  ],
  ['RENAME of the key', `${GROUP}|a: ${read('a')}|d> RENAME k t|a<`],
  [
    'RENAME of a stream with the group',
    `${GROUP}|a: ${read('a')}|d> XGROUP CREATE t g 0 MKSTREAM|d> XADD t 1-1 f v|d> RENAME t k|a<`,
  ],
  [
    'RENAME of a stream without the group',
    `${GROUP}|a: ${read('a')}|d> XADD t 1-1 f v|d> RENAME t k|a<`,
  ],
  ['COPY', 'a: XREAD BLOCK 0 STREAMS k $|d> XADD t 1-1 f v|d> COPY t k|a<|d> XLEN k'],
  [
    'COPY in the place of the stream',
    `${GROUP}|a: ${read('a')}|d> XGROUP CREATE t g 0 MKSTREAM|d> XADD t 1-1 f v|` +
      'd> COPY t k REPLACE|a<|d> XPENDING k g|d> XPENDING t g',
  ],
  ['MOVE', 'a: XREAD BLOCK 0 STREAMS k $|d> SELECT 1|d> XADD k 1-1 f v|d> MOVE k 0|a<'],
  ['MOVE away', `${GROUP}|a: ${read('a')}|d> MOVE k 1|a<`],
  ['SET by a STORE', `${GROUP}|a: ${read('a')}|d> SADD t m|d> SUNIONSTORE k t|a<`],
  [
    'what groups do is no change for transactions',
    `${GROUP}|d> XADD k 1-1 f v|a> WATCH k|d> ${read('c', 'COUNT 1')}|d> XCLAIM k g b 0 1-1|` +
      'd> XACK k g 1-1|d> XGROUP SETID k g 0|d> XGROUP CREATECONSUMER k g x|d> XSETID k 9-9|' +
      'd> XGROUP DELCONSUMER k g x|d> XGROUP CREATE k h 0|d> XGROUP DESTROY k g|' +
      'a> MULTI|a> PING|a> EXEC|a> WATCH k|d> XDEL k 1-1|a> MULTI|a> PING|a> EXEC|' +
      'a> WATCH k|d> XADD k 10-1 f v|a> MULTI|a> PING|a> EXEC|a> WATCH k|d> XTRIM k MAXLEN 0|' +
      'a> MULTI|a> PING|a> EXEC',
  ],
  [
    'trimmed in a transaction',
    'a: XREAD BLOCK 0 STREAMS k $|d> MULTI|d> XADD k 1-1 f v|d> XADD k 1-2 f w|' +
      'd> XTRIM k MAXLEN 1|d> XDEL k 1-1|d> EXEC|a<',
  ],
  [
    'XGROUP SETID gives nothing by itself',
    `d> XADD k 1-1 f v|${GROUP}|a: ${read('a')}|d> XGROUP SETID k g 0|d> XADD k 2-1 f w|a<`,
  ],
  [
    'XGROUP CREATE and XSETID wake nobody',
    'a: XREAD BLOCK 0 STREAMS k 0|d> XGROUP CREATE k g $ MKSTREAM|d> XSETID k 5-0|' +
      'd> XADD k 6-0 f v|a<',
  ],
  [
    'XADD that is refused',
    'd> XADD k 5-0 f v|a: XREAD BLOCK 0 STREAMS k $|d> XADD k 4-0 f v|' +
      'd> XADD k NOMKSTREAM 5-0 f v|d> XADD k 5-1 f v|a<',
  ],
  [
    'CLIENT UNBLOCK',
    `${GROUP}|a: XREAD BLOCK 0 STREAMS k $|b> CLIENT UNBLOCK id(a)|a<|a: ${read('a')}|` +
      `b> CLIENT UNBLOCK id(a) TIMEOUT|a<|a: ${read('a')}|b> CLIENT UNBLOCK id(a) ERROR|a<|` +
      'b> CLIENT UNBLOCK id(a)|b> XADD k 1-1 f v|b> XPENDING k g',
  ],
  [
    'a client that is gone',
    `${GROUP}|a: ${read('a')}|b: ${read('b')}|a!|d> XADD k 1-1 f v|b<|d> XPENDING k g`,
  ],
  [
    'the reply comes before what follows',
    `${GROUP}|a: ${read('a')}|a= XACK k g 1-1|d> XADD k 1-1 f v|a<|a<|d> XPENDING k g`,
  ],
  [
    'acknowledged and read again',
    `${GROUP}|a: ${read('a')}|d> XADD k 1-1 f v|a<|a> XACK k g 1-1|a: ${read('a')}|` +
      'd> XADD k 1-2 f w|a<|d> XPENDING k g|d> XLEN k',
  ],
  [
    'another database',
    'a> SELECT 2|a: XREAD BLOCK 0 STREAMS k $|b> XADD k 1-1 f v|b> SELECT 2|b> XADD k 1-1 f w|a<',
  ],
  [
    'a chain of a list and a stream',
    `${GROUP}|a: BLMOVE s t LEFT LEFT 0|b: BLPOP t 0|c: ${read('c')}|d> MULTI|d> RPUSH s x|` +
      'd> XADD k 1-1 f v|d> EXEC|a<|b<|c<',
  ],
];
