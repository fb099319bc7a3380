/**
 * The error catalogue: Redis's exact texts, by name, and the ready reply line of each. Clients
 * match on the first word, people on the rest, so neither may vary.
 */

/** Error texts without the leading "-" and the line end. */
export const ERRORS = {
  // Data
  WRONG_TYPE: 'WRONGTYPE Operation against a key holding the wrong kind of value',
  NO_SUCH_KEY: 'ERR no such key',
  SAME_OBJECT: 'ERR source and destination objects are the same',
  STRING_TOO_LONG: 'ERR string exceeds maximum allowed size (proto-max-bulk-len)',
  REPLY_TOO_LARGE: 'ERR the reply would have more than 4 GiB, ask for less at a time',
  OUT_OF_MEMORY: "OOM command not allowed when used memory > 'maxmemory'.",
  BUSY_KEY: 'BUSYKEY Target key name already exists.',
  // Arguments
  SYNTAX: 'ERR syntax error',
  NOT_INTEGER: 'ERR value is not an integer or out of range',
  NOT_FLOAT: 'ERR value is not a valid float',
  NOT_POSITIVE: 'ERR value is out of range, must be positive',
  OUT_OF_RANGE: 'ERR value is out of range',
  NUMKEYS_NOT_POSITIVE: 'ERR numkeys should be greater than 0',
  NUMKEYS_TOO_LARGE: "ERR Number of keys can't be greater than number of args",
  LIMIT_NEGATIVE: "ERR LIMIT can't be negative",
  OUT_OF_NEGATABLE:
    'ERR value is out of range, value must between ' +
    '-9223372036854775807 and 9223372036854775807',
  RANK_ZERO:
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
    'or use negative to start from the end of the list',
  COUNT_NEGATIVE: "ERR COUNT can't be negative",
  MAXLEN_NEGATIVE: "ERR MAXLEN can't be negative",
  COUNT_NOT_POSITIVE: 'ERR count should be greater than 0',
  VALUE_NAN_OR_INFINITY: 'ERR value is NaN or Infinity',
  FIELDSET_MISSING: 'ERR no such fieldset',
  FIELDSET_DUPLICATE: 'ERR duplicate field name in fieldset',
  FIELDSET_COUNT: 'ERR value count does not match the field count of the fieldset',
  FIELDSETS_TOO_LARGE: 'ERR the fieldsets of this connection are too large',
  HASH_NOT_INTEGER: 'ERR hash value is not an integer',
  HASH_NOT_FLOAT: 'ERR hash value is not a float',
  EXPIRE_NEGATIVE: 'ERR invalid expire time, must be >= 0',
  EXPIRE_MISSING: 'ERR missing expire time',
  FIELDS_MISSING: 'ERR Mandatory argument FIELDS is missing or not at the right position',
  FIELDS_NOT_POSITIVE: 'ERR Number of fields must be a positive integer',
  FIELDS_ZERO: 'ERR Parameter `numFields` should be greater than 0',
  FIELDS_NUMBER: 'ERR The `numfields` parameter must match the number of arguments',
  FIELDS_INVALID: 'ERR invalid number of fields',
  FXX_OR_FNX: 'ERR Only one of FXX or FNX arguments can be specified',
  HSETEX_ONE_EXPIRY: 'ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified',
  OFFSET_OUT_OF_RANGE: 'ERR offset is out of range',
  INDEX_OUT_OF_RANGE: 'ERR index out of range',
  MIN_MAX_NOT_FLOAT: 'ERR min or max is not a float',
  INVALID_CURSOR: 'ERR invalid cursor',
  TIMEOUT_NOT_INTEGER: 'ERR timeout is not an integer or out of range',
  TIMEOUT_NOT_FLOAT: 'ERR timeout is not a float or out of range',
  TIMEOUT_NEGATIVE: 'ERR timeout is negative',
  TIMEOUT_OUT_OF_RANGE: 'ERR timeout is out of range',
  // Sorted sets
  LEX_RANGE: 'ERR min or max not valid string range item',
  SCORE_NAN: 'ERR resulting score is not a number (NaN)',
  ZADD_NX_AND_XX: 'ERR XX and NX options at the same time are not compatible',
  ZADD_GT_LT_NX: 'ERR GT, LT, and/or NX options at the same time are not compatible',
  ZADD_INCR_PAIRS: 'ERR INCR option supports a single increment-element pair',
  RANGE_LIMIT:
    'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
  RANGE_WITHSCORES: 'ERR syntax error, WITHSCORES not supported in combination with BYLEX',
  WEIGHT_NOT_FLOAT: 'ERR weight value is not a float',
  // Streams
  STREAM_ID: 'ERR Invalid stream ID specified as stream command argument',
  STREAM_RANGE_START: 'ERR invalid start ID for the interval',
  STREAM_RANGE_END: 'ERR invalid end ID for the interval',
  XADD_ARITY: "ERR wrong number of arguments for 'xadd' command",
  XADD_ID_ZERO: 'ERR The ID specified in XADD must be greater than 0-0',
  XADD_ID_SMALL: 'ERR The ID specified in XADD is equal or smaller than the target stream top item',
  XADD_EXHAUSTED: 'ERR The stream has exhausted the last possible ID, unable to add more items',
  XADD_TOO_LARGE: 'ERR Elements are too large to be stored',
  TRIM_MAXLEN_NEGATIVE: 'ERR The MAXLEN argument must be >= 0.',
  TRIM_LIMIT_NEGATIVE: 'ERR The LIMIT argument must be >= 0.',
  TRIM_BOTH: 'ERR syntax error, MAXLEN and MINID options at the same time are not compatible',
  TRIM_LIMIT_EXACT: 'ERR syntax error, LIMIT cannot be used without the special ~ option',
  TRIM_LIMIT_ALONE: 'ERR syntax error, LIMIT cannot be used without specifying a trimming strategy',
  XSETID_ADDED: 'ERR entries_added must be positive',
  XSETID_ABOVE_DELETED:
    'ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id',
  XSETID_DELETED: 'ERR The ID specified in XSETID is smaller than current max_deleted_entry_id',
  XSETID_TOP: 'ERR The ID specified in XSETID is smaller than the target stream top item',
  XSETID_LENGTH:
    'ERR The entries_added specified in XSETID is smaller than the target stream length',
  NUMIDS_NOT_POSITIVE: 'ERR Number of IDs must be a positive integer',
  NUMIDS_MISMATCH: 'ERR The `numids` parameter must match the number of arguments',
  XREAD_GREATER:
    'ERR The > ID can be specified only when calling XREADGROUP using the ' +
    'GROUP <group> <consumer> option.',
  XREAD_GROUP: 'ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.',
  XREAD_NOACK: 'ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.',
  XREAD_CLAIM: 'ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.',
  XREADGROUP_LAST:
    'ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of ' +
    'this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID ' +
    'would just return an empty result set.',
  XREADGROUP_PLUS:
    'ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of ' +
    'this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID ' +
    'would just return an empty result set.',
  XREAD_UNBALANCED:
    "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be " +
    'specified.',
  XREADGROUP_UNBALANCED:
    "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be " +
    'specified.',
  MIN_IDLE_NOT_INTEGER: 'ERR min-idle-time is not an integer',
  MIN_IDLE_NEGATIVE: 'ERR min-idle-time must be a positive integer',
  XREADGROUP_NO_GROUP: 'ERR Missing GROUP option for XREADGROUP',
  TRIM_NONE: 'ERR syntax error, XTRIM must be called with a trimming strategy',
  GROUP_NEEDS_KEY:
    'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to ' +
    'use the MKSTREAM option to create an empty stream automatically.',
  GROUP_EXISTS: 'BUSYGROUP Consumer Group name already exists',
  ENTRIES_READ: 'ERR value for ENTRIESREAD must be positive or -1',
  XCLAIM_MIN_IDLE: 'ERR Invalid min-idle-time argument for XCLAIM',
  XCLAIM_IDLE: 'ERR Invalid IDLE option argument for XCLAIM',
  XCLAIM_TIME: 'ERR Invalid TIME option argument for XCLAIM',
  XCLAIM_RETRYCOUNT: 'ERR Invalid RETRYCOUNT option argument for XCLAIM',
  XAUTOCLAIM_MIN_IDLE: 'ERR Invalid min-idle-time argument for XAUTOCLAIM',
  XAUTOCLAIM_COUNT: 'ERR COUNT must be > 0',
  XNACK_MODE: 'ERR mode must be SILENT, FAIL, or FATAL',
  XNACK_NUMIDS: 'ERR numids must be a positive integer',
  XNACK_IDS: "ERR number of IDs doesn't match numids",
  XNACK_RETRYCOUNT: 'ERR Invalid RETRYCOUNT value, must be >= 0',
  IDMP_TWICE: 'ERR IDMP/IDMPAUTO specified multiple times',
  IDMP_ID: 'ERR IDMP/IDMPAUTO can be used only with auto-generated IDs',
  IDMP_NO_PID: 'ERR IDMP requires a non-empty producer ID',
  IDMP_NO_IID: 'ERR IDMP requires a non-empty idempotent ID',
  IDMPAUTO_NO_PID: 'ERR IDMPAUTO requires a non-empty producer ID',
  IDMP_DURATION: 'ERR IDMP-DURATION must be between 1 and 86400 seconds',
  IDMP_MAXSIZE: 'ERR IDMP-MAXSIZE must be between 1 and 10000 entries',
  IDMP_NO_ENTRY: "ERR The specified stream ID was deleted or doesn't exist",
  IDMP_OTHER_ENTRY:
    'ERR The specified IDMP producer-id/idempotent-id pair maps to a different stream ID',
  XCFGSET_NOTHING: 'ERR At least one parameter must be specified',
  // Sorting
  SORT_NOT_FLOAT: "ERR One or more scores can't be converted into double",
  // Strings
  OVERFLOW: 'ERR increment or decrement would overflow',
  DECREMENT_OVERFLOW: 'ERR decrement would overflow',
  NAN_OR_INFINITY: 'ERR increment would produce NaN or Infinity',
  LCS_NOT_STRINGS: 'ERR The specified keys must contain string values',
  LCS_LEN_AND_IDX: 'ERR If you want both the length and indexes, please just use IDX.',
  LCS_TOO_LONG: 'ERR String too long for LCS',
  LCS_OUT_OF_MEMORY: 'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
  LCS_MEMORY_FAILED: 'ERR Insufficient memory, failed allocating transient memory for LCS',
  DIGEST_LENGTH: 'ERR must be exactly 16 hexadecimal characters',
  DELEX_NOT_STRING: 'ERR Key should be of string type if conditions are specified',
  DELEX_CONDITION: 'ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE',
  MSETEX_NUMKEYS: 'ERR invalid numkeys value',
  MSETEX_PAIRS: 'ERR wrong number of key-value pairs',
  INCREX_BOUNDS: "ERR LBOUND can't be greater than UBOUND",
  INCREX_ENX: 'ERR ENX flag requires an expiration',
  // Bitmaps
  BIT_OFFSET: 'ERR bit offset is not an integer or out of range',
  BIT_VALUE: 'ERR bit is not an integer or out of range',
  BIT_ARGUMENT: 'ERR The bit argument must be 1 or 0.',
  BITOP_NOT_ONE_KEY: 'ERR BITOP NOT must be called with a single source key.',
  BITOP_DIFF_KEYS: 'ERR BITOP DIFF must be called with at least two source keys.',
  BITOP_DIFF1_KEYS: 'ERR BITOP DIFF1 must be called with at least two source keys.',
  BITOP_ANDOR_KEYS: 'ERR BITOP ANDOR must be called with at least two source keys.',
  BITFIELD_TYPE:
    'ERR Invalid bitfield type. Use something like i16 u8. ' +
    'Note that u64 is not supported but i64 is.',
  BITFIELD_OVERFLOW: 'ERR Invalid OVERFLOW type specified',
  BITFIELD_RO_ONLY_GET: 'ERR BITFIELD_RO only supports the GET subcommand',
  // HyperLogLog
  NOT_HYPERLOGLOG: 'WRONGTYPE Key is not a valid HyperLogLog string value.',
  CORRUPT_HYPERLOGLOG: 'INVALIDOBJ Corrupted HLL object detected',
  PFDEBUG_NO_KEY: 'ERR The specified key does not exist',
  PFDEBUG_NOT_SPARSE: 'ERR HLL encoding is not sparse',
  // Geo
  GEO_UNIT: 'ERR unsupported unit provided. please use M, KM, FT, MI',
  GEO_RADIUS_NOT_FLOAT: 'ERR need numeric radius',
  GEO_RADIUS_NEGATIVE: 'ERR radius cannot be negative',
  GEO_WIDTH_NOT_FLOAT: 'ERR need numeric width',
  GEO_HEIGHT_NOT_FLOAT: 'ERR need numeric height',
  GEO_BOX_NEGATIVE: 'ERR height or width cannot be negative',
  GEO_NO_MEMBER: 'ERR could not decode requested zset member',
  GEO_COUNT: 'ERR COUNT must be > 0',
  GEO_ANY: 'ERR the ANY argument requires COUNT argument',
  GEO_RADIUS_STORE:
    'ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options',
  GEO_SEARCH_STORE:
    'ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options',
  // Generic
  DB_OUT_OF_RANGE: 'ERR DB index is out of range',
  DB_OUT_OF_INT32: 'ERR value is out of range, value must between -2147483648 and 2147483647',
  INVALID_FIRST_DB_INDEX: 'ERR invalid first DB index',
  INVALID_SECOND_DB_INDEX: 'ERR invalid second DB index',
  EXPIRE_NX_AND_OTHERS: 'ERR NX and XX, GT or LT options at the same time are not compatible',
  EXPIRE_GT_AND_LT: 'ERR GT and LT options at the same time are not compatible',
  NOVALUES_ONLY_HSCAN: 'ERR NOVALUES option can only be used in HSCAN',
  DATABASE_OUT_OF_RANGE: 'ERR Out of range database',
  RELOAD_OPTIONS: 'ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.',
  PAYLOAD_CHECKSUM: 'ERR DUMP payload version or checksum are wrong',
  BAD_DATA: 'ERR Bad data format',
  TTL_NEGATIVE: 'ERR Invalid TTL value, must be >= 0',
  IDLETIME_RANGE: 'ERR Invalid IDLETIME value, must be >= 0',
  FREQ_RANGE: 'ERR Invalid FREQ value, must be >= 0 and <= 255',
  NOT_HASH_TABLE:
    'ERR The value stored at the specified key is not represented using an hash table',
  LFU_NOT_SELECTED:
    'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note ' +
    'that when switching between policies at runtime LRU and LFU data will take some time to ' +
    'adjust.',
  LFU_SELECTED:
    'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note ' +
    'that when switching between policies at runtime LRU and LFU data will take some time to ' +
    'adjust.',
  // Connection
  NO_AUTH: 'NOAUTH Authentication required.',
  NO_AUTH_HELLO:
    'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO ' +
    '<proto> AUTH <user> <pass> option can be used to authenticate the client and select the ' +
    'RESP protocol version at the same time',
  WRONG_PASSWORD: 'WRONGPASS invalid username-password pair or user is disabled.',
  AUTH_WITHOUT_PASSWORD:
    'ERR AUTH <password> called without any password configured for the default user. ' +
    'Are you sure your configuration is correct?',
  NO_PROTO: 'NOPROTO unsupported protocol version',
  PROTO_NOT_INTEGER: 'ERR Protocol version is not an integer or out of range',
  CLIENT_NAME: 'ERR Client names cannot contain spaces, newlines or special characters.',
  NO_SUCH_CLIENT: 'ERR No such client',
  CLIENT_ID_INVALID: 'ERR Invalid client ID',
  CLIENT_ID_POSITIVE: 'ERR client-id should be greater than 0',
  MAX_CLIENTS: 'ERR max number of clients reached',
  PROTECTED_MODE:
    'DENIED Redis is running in protected mode because protected mode is enabled and no ' +
    'password is set for the default user. In this mode connections are only accepted from ' +
    'the loopback interface. If you want to connect from external computers to Redis you ' +
    'may adopt one of the following solutions: 1) Just disable protected mode sending the ' +
    "command 'CONFIG SET protected-mode no' from the loopback interface by connecting to " +
    'Redis from the same host the server is running, however MAKE SURE Redis is not ' +
    'publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change' +
    ' permanent. 2) Alternatively you can just disable the protected mode by editing the ' +
    "Redis configuration file, and setting the protected mode option to 'no', and then " +
    'restarting the server. 3) If you started the server manually just for testing, restart' +
    " it with the '--protected-mode no' option. 4) Setup a an authentication password for " +
    'the default user. NOTE: You only need to do one of the above things in order for the ' +
    'server to start accepting connections from the outside.',
  // Transactions
  EXEC_ABORT: 'EXECABORT Transaction discarded because of previous errors.',
  NESTED_MULTI: 'ERR MULTI calls can not be nested',
  EXEC_WITHOUT_MULTI: 'ERR EXEC without MULTI',
  DISCARD_WITHOUT_MULTI: 'ERR DISCARD without MULTI',
  WATCH_IN_MULTI: 'ERR WATCH inside MULTI is not allowed',
  NOT_IN_MULTI: 'ERR Command not allowed inside a transaction',
  // Server
  MISCONF:
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to " +
    'persist to disk. Commands that may modify the data set are disabled, because this ' +
    'instance is configured to report errors during writes if RDB snapshotting fails ' +
    '(stop-writes-on-bgsave-error option). Please check the Redis logs for details about ' +
    'the RDB error.',
  /** The system error follows. */
  MISCONF_LOG: 'MISCONF Errors writing to the AOF file: ',
  LOADING: 'LOADING Redis is loading the dataset in memory',
  BUSY_SCRIPT:
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  NO_SCRIPT: 'NOSCRIPT No matching script. Please use EVAL.',
  NOT_BUSY: 'NOTBUSY No scripts in execution right now.',
  UNKILLABLE:
    'UNKILLABLE Sorry the script already executed write commands against the dataset. You can ' +
    'either wait the script termination or kill the server in a hard way using the SHUTDOWN ' +
    'NOSAVE command.',
  READ_ONLY: "READONLY You can't write against a read only replica.",
  MASTER_DOWN: "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  NO_REPLICAS: 'NOREPLICAS Not enough good replicas to write.',
  MIGRATE_KEY_AND_KEYS:
    'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
  NO_FAILOVER: 'ERR No failover in progress.',
  FAILOVER_TIMEOUT: 'ERR FAILOVER timeout must be greater than 0',
  FAILOVER_NO_REPLICAS: 'ERR FAILOVER requires connected replicas.',
  CLUSTER_DISABLED: 'ERR This instance has cluster support disabled',
  INVALID_COMMAND: 'ERR Invalid command specified',
  NO_KEY_ARGUMENTS: 'ERR The command has no key arguments',
  INVALID_COMMAND_ARGUMENTS: 'ERR Invalid number of arguments specified for command',
  CONFIG_FILE_NONE: 'ERR The server is running without a config file',
  DEBUG_NOT_ALLOWED: notAllowed('DEBUG', 'debug'),
  MODULE_NOT_ALLOWED: notAllowed('MODULE', 'module'),
  MODULE_NOT_LOADED: 'ERR Error loading the extension. Please check the server logs.',
  MODULE_NOT_FOUND: 'ERR Error unloading module: no such module with that name',
  SHUTDOWN_FAILED: 'ERR Errors trying to SHUTDOWN. Check logs.',
  NOT_SDS: 'ERR Not an sds encoded string.',
  NOT_LISTPACK: 'ERR Not a listpack encoded object.',
  NOT_QUICKLIST: 'ERR Not a quicklist encoded object.',
  PACKED_THRESHOLD: 'ERR argument must be a memory value bigger than 1 and smaller than 4gb',
  RESP2_NOT_SUPPORTED: 'ERR RESP2 is not supported by this command',
  PROTOCOL_TYPE_NAME:
    'ERR Wrong protocol type name. Please use one of the following: ' +
    'string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false',
} as const;

/** The error of a command that a directive of its own has to allow. */
function notAllowed(command: string, word: string): string {
  return (
    `ERR ${command} command not allowed. If the enable-${word}-command option is set to "local", ` +
    'you can run it from a local connection, otherwise you need to set this option in the ' +
    'configuration file, and then restart the server.'
  );
}

export type ErrorName = keyof typeof ERRORS;

/** "-TEXT\r\n" in bytes; text has one byte per character and no line end. */
export function errorLine(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from('-' + text + '\r\n', 'latin1'));
}

/** The ready reply line of each error, to be appended by `ReplyWriter.errorBytes`. */
export const ERROR_BYTES: Readonly<Record<ErrorName, Uint8Array>> = readyLines();

function readyLines(): Record<ErrorName, Uint8Array> {
  const lines = Object.entries(ERRORS).map(([name, text]) => [name, errorLine(text)]);
  return Object.fromEntries(lines) as Record<ErrorName, Uint8Array>;
}

/** `command` as the client sees it, in lower case, sub-command after a bar: "client|kill". */
export function wrongArity(command: string): string {
  return `ERR wrong number of arguments for '${command}' command`;
}

/** `command` in lower case. */
export function invalidExpire(command: string): string {
  return `ERR invalid expire time in '${command}' command`;
}

/** `command` in lower case: an operation on several sorted sets was given none. */
export function inputKeyNeeded(command: string): string {
  return `ERR at least 1 input key is needed for '${command}' command`;
}

/** `command` in lower case: what a RESP2 client may not run while it is subscribed. */
export function subscribedContext(command: string): string {
  return (
    `ERR Can't execute '${command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / ` +
    'RESET are allowed in this context'
  );
}

/** `option` as sent. */
export function helloOption(option: string): string {
  return `ERR Syntax error in HELLO option '${option}'`;
}

/** `option` as sent. */
export function unknownConfigOption(option: string): string {
  return `ERR Unknown option or number of arguments for CONFIG SET - '${option}'`;
}

const SHOWN_BYTES_MAX = 128;

/**
 * The reply to a command that is in no table. `name` and `args` are as sent, one character per
 * byte. The name is cut at 128 bytes, an argument at what is left of 128 bytes, and arguments end
 * once 128 bytes are listed. Like C text, each ends at its first NUL.
 */
export function unknownCommand(name: string, args: readonly string[]): string {
  let listed = '';
  for (const arg of args) {
    if (listed.length >= SHOWN_BYTES_MAX) break;
    listed += `'${shown(arg, SHOWN_BYTES_MAX - listed.length)}' `;
  }
  const cut = shown(name, SHOWN_BYTES_MAX);
  return `ERR unknown command '${cut}', with args beginning with: ${listed}`;
}

/** `command` in upper case, `subcommand` as sent. */
export function unknownSubcommand(command: string, subcommand: string): string {
  return `ERR unknown subcommand '${shown(subcommand, SHOWN_BYTES_MAX)}'. Try ${command} HELP.`;
}

/** A sub-command that exists was given arguments it does not take; `subcommand` as sent. */
export function subcommandSyntax(command: string, subcommand: string): string {
  const name = shown(subcommand, SHOWN_BYTES_MAX);
  return `ERR unknown subcommand or wrong number of arguments for '${name}'. Try ${command} HELP.`;
}

/** Positions beyond the ranges of coordinates, with six decimals as C prints them. */
export function invalidPosition(longitude: number, latitude: number): string {
  return `ERR invalid longitude,latitude pair ${sixDecimals(longitude)},${sixDecimals(latitude)}`;
}

/** Numbers from here on have no fraction, and `toFixed` would write an exponent. */
const FIXED_END = 1e21;

function sixDecimals(x: number): string {
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  if (Object.is(x, -0)) return '-0.000000';
  return Math.abs(x) < FIXED_END ? x.toFixed(6) : `${BigInt(x)}.000000`;
}

/** `command` as sent, `options` such as "BYRADIUS and BYBOX". */
export function exactlyOneOption(options: string, command: string): string {
  return `ERR exactly one of ${options} can be specified for ${command}`;
}

/** `subcommand` as sent. */
export function unknownPfdebug(subcommand: string): string {
  return `ERR Unknown PFDEBUG subcommand '${cText(subcommand)}'`;
}

/** A stream has no such consumer group; names as sent. */
export function noSuchGroup(group: string, key: string): string {
  return `NOGROUP No such consumer group '${cText(group)}' for key name '${cText(key)}'`;
}

/** There is no such stream, or it has no such consumer group; names as sent. */
export function noKeyOrGroup(key: string, group: string): string {
  return `NOGROUP No such key '${cText(key)}' or consumer group '${cText(group)}'`;
}

/** `command` in upper case, `option` as sent. */
export function unrecognizedOption(command: string, option: string): string {
  return `ERR Unrecognized ${command} option '${cText(option)}'`;
}

function cText(text: string): string {
  return shown(text, Number.POSITIVE_INFINITY);
}

function shown(text: string, lengthMax: number): string {
  const nul = text.indexOf('\0');
  return text.slice(0, nul < 0 ? lengthMax : Math.min(nul, lengthMax));
}
