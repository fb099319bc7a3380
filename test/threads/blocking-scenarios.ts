/**
 * Scenarios of clients that wait for each other, one step a line:
 *   `a: CMD`  client a sends a command and blocks
 *   `a> CMD`  it runs a command and has its reply
 *   `a<`      the reply that it waited for comes
 *   `a= CMD`  it sends another command while it waits
 *   `a!`      it closes its connection while it waits
 * `id(a)` in a command stands for the id of client a. Transcripts of all replies are compared with
 * those of redis-server.
 */
export const SCENARIOS: readonly (readonly [name: string, steps: string])[] = [
  ['pops what is there', 'a> RPUSH k x y|a> BLPOP k 1|a> BRPOP k 1|a> BLPOP k 0.01|a> EXISTS k'],
  ['served by a push', 'a: BLPOP k 0|b> RPUSH k x y|a<|b> LRANGE k 0 -1'],
  ['served at the other end', 'a: BRPOP k 0|b> RPUSH k x y|a<|b> LRANGE k 0 -1'],
  [
    'in order of arrival',
    'a: BLPOP k 0|b: BRPOP k 0|c: BLPOP k 0|d> RPUSH k 1 2 3 4|a<|b<|c<|d> LPOP k',
  ],
  [
    'several keys on several shards',
    'a: BLPOP k1 k2 k3 k4 0|b> RPUSH k3 x|a<|b> RPUSH k1 y|b> LLEN k1',
  ],
  [
    'the same key twice',
    'a: BLPOP k k k 0|b> RPUSH k x y|a<|a: BLPOP k2 k2 0|b> LPUSH k2 z|a<|' + 'b> LRANGE k 0 -1',
  ],
  [
    'the key that received something first',
    'a: BLPOP k1 k2 0|b> MULTI|b> RPUSH k2 x|b> RPUSH k1 y|b> EXEC|a<|b> LLEN k2',
  ],
  [
    'nothing left after a transaction',
    'a: BLPOP k 0|b> MULTI|b> LPUSH k x|b> DEL k|b> EXEC|b> LPUSH k y|a<',
  ],
  [
    'a string in between',
    'a: BLPOP k 0|b> MULTI|b> LPUSH k x|b> DEL k|b> SET k s|b> EXEC|b> DEL k|' + 'b> LPUSH k z|a<',
  ],
  [
    'wrong type at once',
    'a> SET s v|a> BLPOP s 1|a> BLPOP none s 1|a> BRPOPLPUSH s k 1|a> BZPOPMIN s 1',
  ],
  ['wrong type is passed over', 'a: BLPOP k 0|b> ZADD k 1 m|b> DEL k|b> LPUSH k v|a<'],
  [
    'time is over',
    'a> BLPOP k 0.01|a> BLMOVE k l LEFT LEFT 0.01|a> BRPOPLPUSH k l 0.01|' +
      'a> BLMPOP 0.01 1 k LEFT|a> BZPOPMAX z 0.01|a> BZMPOP 0.01 2 z y MAX',
  ],
  [
    'bad time-outs',
    'a> BLPOP k x|a> BLPOP k -1|a> BLMOVE k l LEFT LEFT -1|' +
      'a> BLMOVE k l UP LEFT x|a> BLMPOP -1 1 k LEFT|a> BLMPOP 1 0 k LEFT|' +
      'a> BLMPOP 1 2 k LEFT|a> BLMPOP 1 1 k UP|a> BLMPOP 1 1 k LEFT COUNT 0|' +
      'a> BZMPOP x 1 k MIN|a> BZPOPMIN k nan',
  ],
  [
    'in a transaction',
    'a> MULTI|a> BLPOP k 0|a> BLMOVE k l LEFT LEFT 0|a> BZPOPMIN z 0|' +
      'a> BLMPOP 0 1 k LEFT|a> RPUSH k 1 2|a> BLPOP k 0|a> EXEC|a> LRANGE k 0 -1',
  ],
  ['moves', 'a: BLMOVE k l LEFT RIGHT 0|b> RPUSH k x y|a<|b> LRANGE l 0 -1|b> LRANGE k 0 -1'],
  ['rotates', 'a: BRPOPLPUSH k k 0|b> RPUSH k x y|a<|b> LRANGE k 0 -1'],
  [
    'chains',
    'a: BLMOVE k l LEFT RIGHT 0|b: BLMOVE l m LEFT RIGHT 0|c: BLPOP m 0|d> RPUSH k x|' +
      'a<|b<|c<|d> EXISTS k l m',
  ],
  [
    'a circle',
    'a: BRPOPLPUSH k l 0|b: BRPOPLPUSH l k 0|c> RPUSH k x|a<|b<|c> LRANGE k 0 -1|' +
      'c> LRANGE l 0 -1',
  ],
  [
    'to a key of another type',
    'a: BLMOVE k s LEFT RIGHT 0|b> SET s v|b> RPUSH k x|a<|b> LRANGE k 0 -1',
  ],
  ['several elements', 'a: BLMPOP 0 2 k l LEFT COUNT 2|b> RPUSH l 1 2 3|a<|b> LRANGE l 0 -1'],
  [
    'sorted sets',
    'a: BZPOPMIN z y 0|b: BZPOPMAX y 0|c> ZADD y 1 m 2 n 3.5 o|a<|b<|c> ZRANGE y 0 -1',
  ],
  ['several members', 'a: BZMPOP 0 2 z y MIN COUNT 2|b> ZADD y 1 m 2 n 3.5 o|a<|b> ZCARD y'],
  [
    'lists and sorted sets at one key',
    'a: BLPOP k 0|b: BZPOPMIN k 0|c> ZADD k 1 m|b<|c> RPUSH k x|a<',
  ],
  ['woken by RENAME', 'a: BLPOP k 0|b> RPUSH t x|b> RENAME t k|a<|b> EXISTS k t'],
  ['woken by COPY', 'a: BLPOP k 0|b> RPUSH t x y|b> COPY t k|a<|b> LLEN k'],
  ['woken by MOVE', 'a: BLPOP k 0|b> SELECT 1|b> RPUSH k x|b> MOVE k 0|a<|b> EXISTS k'],
  [
    'woken by COPY to another database',
    'a: BLPOP k 0|b> SELECT 1|b> RPUSH t x|b> COPY t k DB 0|a<',
  ],
  ['woken by SWAPDB', 'a: BLPOP k 0|b> SELECT 1|b> RPUSH k x|b> SWAPDB 0 1|a<'],
  ['woken by SORT STORE', 'a: BLPOP k 0|b> RPUSH t 3 1 2|b> SORT t STORE k|a<|b> LRANGE k 0 -1'],
  ['woken by LMOVE', 'a: BLPOP k 0|b> RPUSH t x|b> LMOVE t k LEFT LEFT|a<'],
  ['woken by RPOPLPUSH', 'a: BLPOP k 0|b> RPUSH t x|b> RPOPLPUSH t k|a<'],
  [
    'woken by a STORE',
    'a: BZPOPMIN k 0|b> ZADD t 2 m 1 n|b> ZUNIONSTORE k 1 t|a<|b> ZRANGE k 0 -1',
  ],
  ['woken by ZINCRBY', 'a: BZPOPMAX k 0|b> ZINCRBY k 7 m|a<'],
  ['woken by GEOADD', 'a: BZPOPMIN k 0|b> GEOADD k 1 1 m|a<'],
  [
    'LINSERT and LPUSHX make no key',
    'a: BLPOP k 0|b> LPUSHX k x|b> LINSERT k BEFORE a b|b> RPUSH k y|a<',
  ],
  ['another database', 'a> SELECT 2|a: BLPOP k 0|b> RPUSH k x|b> SELECT 2|b> RPUSH k y|a<'],
  [
    'CLIENT UNBLOCK',
    'a: BLPOP k 0|b> CLIENT UNBLOCK id(a)|a<|a: BLMOVE k l LEFT LEFT 0|' +
      'b> CLIENT UNBLOCK id(a) TIMEOUT|a<|a: BZPOPMIN k 0|' +
      'b> CLIENT UNBLOCK id(a) ERROR|a<|b> CLIENT UNBLOCK id(a)|b> RPUSH k x|b> LLEN k',
  ],
  [
    'WAIT',
    'a> WAIT 0 0|a> WAIT 1 10|a: WAIT 1 0|b> CLIENT UNBLOCK id(a)|a<|a: WAIT 1 0|' +
      'b> CLIENT UNBLOCK id(a) ERROR|a<|a> MULTI|a> WAIT 1 0|a> EXEC',
  ],
  [
    'RESP3',
    'a> HELLO 3|a> CLIENT SETNAME a|a: BZPOPMIN z 0|b> ZADD z 1.5 m|a<|' +
      'a> BLPOP k 0.01|a> BLMOVE k l LEFT LEFT 0.01|a> BZMPOP 0.01 1 z MIN|' +
      'a: BZMPOP 0 1 z MIN|b> ZADD z 2 n|a<',
  ],
  [
    'the reply comes before what follows',
    'a: BLPOP k 0|a= RPUSH t y|b> RPUSH k x|a<|a<|b> LRANGE t 0 -1',
  ],
  ['without replies', 'a> CLIENT REPLY ON|a: BLPOP k 0|b> RPUSH k 1|a<'],
  ['a client that is gone', 'a: BLPOP k 0|b: BLPOP k 0|a!|c> RPUSH k x|b<|c> EXISTS k'],
  [
    'a push by a script of commands',
    'a: BLPOP k 0|b> MULTI|b> RPUSH k 1|b> RPUSH k 2|b> LPOP k|b> EXEC|a<|b> LLEN k',
  ],
];
