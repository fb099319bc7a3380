/** What logs and tools call the types of values in RDB files. */
import * as rdb from './rdb-format.ts';

/** The names that redis-check-rdb shows, by type. */
const NAMES: readonly string[] = [
  'string',
  'list-linked',
  'set-hashtable',
  'zset-v1',
  'hash-hashtable',
  'zset-v2',
  'module-pre-release',
  'module-value',
  '',
  'hash-zipmap',
  'list-ziplist',
  'set-intset',
  'zset-ziplist',
  'hash-ziplist',
  'quicklist',
  'stream',
  'hash-listpack',
  'zset-listpack',
  'quicklist-v2',
  'stream-v2',
  'set-listpack',
  'stream-v3',
  'hash-hashtable-md-pre-release',
  'hash-listpack-md-pre-release',
  'hash-hashtable-md',
  'hash-listpack-md',
  'stream-v4',
  'stream-v5',
];

/** Name of a type; `unknown` where there is none. */
export function rdbTypeName(type: number): string {
  return NAMES[type] || 'unknown';
}

const DAMAGED: ReadonlyMap<number, string> = new Map([
  [rdb.RDB_HASH_ZIPMAP, 'Zipmap'],
  [rdb.RDB_LIST_ZIPLIST, 'List ziplist'],
  [rdb.RDB_SET_INTSET, 'Intset'],
  [rdb.RDB_ZSET_ZIPLIST, 'Zset ziplist'],
  [rdb.RDB_HASH_ZIPLIST, 'Hash ziplist'],
  [rdb.RDB_LIST_QUICKLIST_ZIPLIST, 'Ziplist'],
  [rdb.RDB_HASH_LISTPACK, 'Hash listpack'],
  [rdb.RDB_ZSET_LISTPACK, 'Zset listpack'],
  [rdb.RDB_LIST_QUICKLIST, 'Listpack'],
  [rdb.RDB_SET_LISTPACK, 'Set listpack'],
  [rdb.RDB_HASH_LISTPACK_EX_OLD, 'Hash listpack'],
  [rdb.RDB_HASH_LISTPACK_EX, 'Hash listpack'],
  [rdb.RDB_STREAM, 'Stream listpack'],
  [rdb.RDB_STREAM_2, 'Stream listpack'],
  [rdb.RDB_STREAM_3, 'Stream listpack'],
  [rdb.RDB_STREAM_4, 'Stream listpack'],
  [rdb.RDB_STREAM_5, 'Stream listpack'],
]);

/** What is said of a damaged value of a type that is known. */
export function damageText(type: number): string {
  return `${DAMAGED.get(type) ?? 'Value'} integrity check failed.`;
}

/** Whether values of a type can be loaded. */
export function isLoadableType(type: number): boolean {
  return NAMES[type] !== undefined && NAMES[type] !== '' && !isModuleType(type);
}

/** Whether values of a type are those of modules, which are refused although Redis has them. */
export function isModuleType(type: number): boolean {
  return type === rdb.RDB_MODULE_OLD || type === rdb.RDB_MODULE;
}
