/** What data commands, and those who build values, need to know of the configuration. */
import { type ThreadState, touchModeOf } from '../keyspace/thread-state.ts';
import type { ConfigStore } from './config/store.ts';

/** Takes it over into a thread's state. */
export function readCommandLimits(config: ConfigStore, state: ThreadState): void {
  const { limits } = state;
  limits.protoMaxBulkLength = config.int('proto-max-bulk-len');
  limits.databases = config.int('databases');
  limits.maxmemoryPolicy = config.text('maxmemory-policy');
  limits.listMaxListpackSize = config.int('list-max-listpack-size');
  limits.listCompressDepth = config.int('list-compress-depth');
  limits.hashMaxListpackEntries = config.int('hash-max-listpack-entries');
  limits.hashMaxListpackValue = config.int('hash-max-listpack-value');
  limits.setMaxIntsetEntries = config.int('set-max-intset-entries');
  limits.setMaxListpackEntries = config.int('set-max-listpack-entries');
  limits.setMaxListpackValue = config.int('set-max-listpack-value');
  limits.zsetMaxListpackEntries = config.int('zset-max-listpack-entries');
  limits.streamNodeMaxBytes = config.int('stream-node-max-bytes');
  limits.streamNodeMaxEntries = config.int('stream-node-max-entries');
  limits.streamIdmpDuration = config.int('stream-idmp-duration');
  limits.streamIdmpMaxsize = config.int('stream-idmp-maxsize');
  limits.zsetMaxListpackValue = config.int('zset-max-listpack-value');
  limits.hllSparseMaxBytes = config.int('hll-sparse-max-bytes');
  limits.rdbCompression = config.bool('rdbcompression');
  limits.rdbChecksum = config.bool('rdbchecksum');
  limits.snapshotPath = config.path('dbfilename');
  limits.maxmemory = config.int('maxmemory');
  state.policyTouchMode = touchModeOf(limits.maxmemoryPolicy);
  state.touchMode = state.policyTouchMode;
  state.lfuLogFactor = config.int('lfu-log-factor');
  state.lfuDecayMinutes = config.int('lfu-decay-time');
}
