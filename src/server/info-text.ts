/**
 * INFO as text, from a plain snapshot of the server's counters. Field names and order are those of
 * Redis 7 and 8; what Tessera has no such thing for (fork, Lua before there are
 * scripts) is shown as zero, because exporters expect the field.
 */
import { REDIS_VERSION, TESSERA_VERSION } from '../base/version.ts';
import type { InfoSnapshot } from './info-snapshot.ts';
import {
  commandStatsLines,
  errorStatsLines,
  keyspaceLines,
  latencyStatsLines,
} from './info-tables.ts';

type Line = readonly [string, string | number];

const SECONDS_PER_DAY = 86_400;
const UNITS = ['B', 'K', 'M', 'G', 'T', 'P', 'E'] as const;

/** Bytes as INFO shows them to people: `200B`, `894.70K`. */
export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return value.toFixed(2) + UNITS[unit]!;
}

function flag(value: boolean): number {
  return value ? 1 : 0;
}

function status(isOk: boolean): string {
  return isOk ? 'ok' : 'err';
}

function percent(part: number, whole: number): string {
  return `${whole > 0 ? ((part / whole) * 100).toFixed(2) : '0.00'}%`;
}

function ratio(part: number, whole: number): string {
  return whole > 0 ? (part / whole).toFixed(2) : '0.00';
}

function zeros(...names: readonly string[]): Line[] {
  return names.map((name) => [name, 0]);
}

function serverLines({ server }: InfoSnapshot): Line[] {
  return [
    ['redis_version', REDIS_VERSION],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', server.buildId],
    ['redis_mode', 'standalone'],
    ['os', server.os],
    ['arch_bits', 64],
    ['monotonic_clock', 'POSIX clock_gettime'],
    ['multiplexing_api', server.multiplexingApi],
    ['atomicvar_api', 'SharedArrayBuffer'],
    ['gcc_version', '0.0.0'],
    ['process_id', server.processId],
    ['process_supervised', 'no'],
    ['run_id', server.runId],
    ['tcp_port', server.tcpPort],
    ['server_time_usec', server.nowMs * 1000],
    ['uptime_in_seconds', server.uptimeSeconds],
    ['uptime_in_days', Math.floor(server.uptimeSeconds / SECONDS_PER_DAY)],
    ['hz', server.hz],
    ['configured_hz', server.configuredHz],
    ['lru_clock', Math.floor(server.nowMs / 1000) & 0xffffff],
    ['executable', server.executable],
    ['config_file', server.configFile],
    ['io_threads_active', flag(server.ioThreads > 1)],
    ...server.listeners.map((listener, i): Line => [`listener${i}`, listener]),
    ['tessera_version', TESSERA_VERSION],
    ['node_version', server.nodeVersion],
    ['transport', server.transport],
    ['io_threads', server.ioThreads],
    ['shards', server.shards],
    ['shard_workers', server.shardWorkers],
  ];
}

function clientsLines({ clients }: InfoSnapshot): Line[] {
  return [
    ['connected_clients', clients.connected],
    ['cluster_connections', 0],
    ['maxclients', clients.max],
    ['client_recent_max_input_buffer', clients.recentMaxInputBytes],
    ['client_recent_max_output_buffer', clients.recentMaxOutputBytes],
    ['blocked_clients', clients.blocked],
    ['tracking_clients', clients.tracking],
    ['pubsub_clients', clients.pubsub],
    ['watching_clients', clients.watching],
    ['clients_in_timeout_table', clients.withTimeout],
    ['total_watched_keys', clients.watchedKeys],
    ['total_blocking_keys', clients.blockingKeys],
    ['total_blocking_keys_on_nokey', clients.blockingKeysForGone],
  ];
}

function sized(name: string, bytes: number): Line[] {
  return [
    [name, bytes],
    [`${name}_human`, humanBytes(bytes)],
  ];
}

function memoryLines({ memory }: InfoSnapshot): Line[] {
  const dataset = Math.max(0, memory.used - memory.overhead);
  const fragmentation = memory.rss - memory.used;
  return [
    ...sized('used_memory', memory.used),
    ...sized('used_memory_rss', memory.rss),
    ...sized('used_memory_peak', memory.peak),
    ['used_memory_peak_time', memory.peakSeconds],
    ['used_memory_peak_perc', percent(memory.used, memory.peak)],
    ['used_memory_overhead', memory.overhead],
    ['used_memory_startup', memory.startup],
    ['used_memory_dataset', dataset],
    ['used_memory_dataset_perc', percent(dataset, memory.used - memory.startup)],
    ['allocator_allocated', memory.allocated],
    ['allocator_active', memory.active],
    ['allocator_resident', memory.resident],
    ['allocator_muzzy', memory.dirty],
    ...sized('total_system_memory', memory.system),
    ['used_memory_lua', memory.scriptEngines],
    ['used_memory_vm_eval', memory.scriptEngines],
    ['used_memory_lua_human', humanBytes(memory.scriptEngines)],
    ['used_memory_scripts_eval', memory.scripts],
    ['number_of_cached_scripts', memory.cachedScripts],
    ...zeros('number_of_functions', 'number_of_libraries', 'used_memory_vm_functions'),
    ...sized('used_memory_vm_total', memory.scriptEngines),
    ['used_memory_functions', 0],
    ...sized('used_memory_scripts', memory.scripts),
    ...sized('maxmemory', memory.maxmemory),
    ['maxmemory_policy', memory.maxmemoryPolicy],
    ['allocator_frag_ratio', ratio(memory.active, memory.allocated)],
    ['allocator_frag_bytes', Math.max(0, memory.active - memory.allocated)],
    ['allocator_rss_ratio', ratio(memory.resident, memory.active)],
    ['allocator_rss_bytes', memory.resident - memory.active],
    ['rss_overhead_ratio', ratio(memory.rss, memory.resident)],
    ['rss_overhead_bytes', memory.rss - memory.resident],
    ['mem_fragmentation_ratio', ratio(memory.rss, memory.used)],
    ['mem_fragmentation_bytes', fragmentation],
    ['mem_not_counted_for_evict', memory.notCountedForEviction],
    ...zeros('mem_replication_backlog', 'mem_total_replication_buffers', 'mem_clients_slaves'),
    ['mem_clients_normal', memory.clientBuffers],
    ['mem_cluster_links', 0],
    ['mem_aof_buffer', memory.aofBuffers],
    ['mem_overhead_db_hashtable_rehashing', memory.resizing],
    ['mem_allocator', 'tessera-arena'],
    ['active_defrag_running', memory.defragEffort],
    ['lazyfree_pending_objects', memory.lazyfreePending],
    ['lazyfreed_objects', memory.lazyfreed],
    ['arena_reserved_bytes', memory.arenaReserved],
    ['js_heap_bytes', memory.jsHeap],
  ];
}

function persistenceLines({ persistence }: InfoSnapshot): Line[] {
  const p = persistence;
  return [
    ['loading', flag(p.isLoading)],
    ...(p.isLoading
      ? ([
          ['loading_start_time', p.loadStartSeconds],
          ['loading_total_bytes', p.loadTotalBytes],
          ['loading_rdb_used_mem', p.loadUsedMemory],
          ['loading_loaded_bytes', p.loadLoadedBytes],
          ['loading_loaded_perc', percent(p.loadLoadedBytes, p.loadTotalBytes).slice(0, -1)],
          ['loading_eta_seconds', p.loadEtaSeconds],
        ] as const)
      : []),
    ['async_loading', 0],
    ...zeros('current_cow_peak', 'current_cow_size', 'current_cow_size_age'),
    ['current_fork_perc', '0.00'],
    ['current_save_keys_processed', p.saveKeysProcessed],
    ['current_save_keys_total', p.saveKeysTotal],
    ['rdb_changes_since_last_save', p.changesSinceSave],
    ['rdb_bgsave_in_progress', flag(p.isSaving)],
    ['rdb_last_save_time', p.lastSaveUnixSeconds],
    ['rdb_last_bgsave_status', status(p.isLastSaveOk)],
    ['rdb_last_bgsave_time_sec', p.lastSaveSeconds],
    ['rdb_current_bgsave_time_sec', p.currentSaveSeconds],
    ['rdb_saves', p.saves],
    ['rdb_last_cow_size', 0],
    ['rdb_last_load_keys_expired', p.loadedKeysExpired],
    ['rdb_last_load_keys_loaded', p.loadedKeys],
    ['aof_enabled', flag(p.isAofEnabled)],
    ['aof_rewrite_in_progress', flag(p.isAofRewriting)],
    ['aof_rewrite_scheduled', flag(p.isAofRewriteScheduled)],
    ['aof_last_rewrite_time_sec', p.lastAofRewriteSeconds],
    ['aof_current_rewrite_time_sec', p.currentAofRewriteSeconds],
    ['aof_last_bgrewrite_status', status(p.isLastAofRewriteOk)],
    ['aof_rewrites', p.aofRewrites],
    ['aof_rewrites_consecutive_failures', p.aofRewriteFailures],
    ['aof_last_write_status', status(p.isLastAofWriteOk)],
    ['aof_last_cow_size', 0],
    ...zeros('module_fork_in_progress', 'module_fork_last_cow_size'),
    ...(p.isAofEnabled
      ? ([
          ['aof_current_size', p.aofBytes],
          ['aof_base_size', p.aofBaseBytes],
          ['aof_pending_rewrite', 0],
          ['aof_buffer_length', p.aofBufferBytes],
          ['aof_pending_bio_fsync', p.aofPendingFsyncs],
          ['aof_delayed_fsync', p.aofDelayedFsyncs],
        ] as const)
      : []),
  ];
}

function trafficLines({ stats }: InfoSnapshot): Line[] {
  return [
    ['total_connections_received', stats.connectionsReceived],
    ['total_commands_processed', stats.commands],
    ['instantaneous_ops_per_sec', Math.round(stats.commandsPerSecond)],
    ['total_net_input_bytes', stats.netInputBytes],
    ['total_net_output_bytes', stats.netOutputBytes],
    ...zeros('total_net_repl_input_bytes', 'total_net_repl_output_bytes'),
    ['instantaneous_input_kbps', (stats.inputBytesPerSecond / 1024).toFixed(2)],
    ['instantaneous_output_kbps', (stats.outputBytesPerSecond / 1024).toFixed(2)],
    ['instantaneous_input_repl_kbps', '0.00'],
    ['instantaneous_output_repl_kbps', '0.00'],
    ['rejected_connections', stats.connectionsRejected],
    ...zeros('sync_full', 'sync_partial_ok', 'sync_partial_err'),
  ];
}

function statsLines(snapshot: InfoSnapshot): Line[] {
  const { stats } = snapshot;
  return [
    ...trafficLines(snapshot),
    ['expired_subkeys', stats.expiredFields],
    ['expired_keys', stats.expiredKeys],
    ['expired_stale_perc', stats.expiredStalePercent.toFixed(2)],
    ['expired_time_cap_reached_count', stats.expireTimeCapReached],
    ['expire_cycle_cpu_milliseconds', Math.round(stats.expireCycleMs)],
    ['evicted_keys', stats.evictedKeys],
    ['evicted_clients', stats.evictedClients],
    ['evicted_scripts', 0],
    ['total_eviction_exceeded_time', stats.evictionExceededMs],
    ['current_eviction_exceeded_time', stats.currentEvictionExceededMs],
    ['keyspace_hits', stats.keyspaceHits],
    ['keyspace_misses', stats.keyspaceMisses],
    ['pubsub_channels', stats.pubsubChannels],
    ['pubsub_patterns', stats.pubsubPatterns],
    ['pubsubshard_channels', stats.pubsubShardChannels],
    ...zeros('latest_fork_usec', 'total_forks', 'migrate_cached_sockets'),
    ['slave_expires_tracked_keys', 0],
    ['active_defrag_hits', stats.defragHits],
    ['active_defrag_misses', stats.defragMisses],
    ['active_defrag_key_hits', stats.defragKeyHits],
    ['active_defrag_key_misses', stats.defragKeyMisses],
    ['total_active_defrag_time', stats.defragMs],
    ['current_active_defrag_time', stats.currentDefragMs],
    ['tracking_total_keys', stats.trackingKeys],
    ['tracking_total_items', stats.trackingItems],
    ['tracking_total_prefixes', stats.trackingPrefixes],
    ['unexpected_error_replies', 0],
    ['total_error_replies', stats.errorReplies],
    ['dump_payload_sanitizations', 0],
    ['total_reads_processed', stats.reads],
    ['total_writes_processed', stats.writes],
    ['io_threaded_reads_processed', stats.reads],
    ['io_threaded_writes_processed', stats.writes],
    ['client_query_buffer_limit_disconnections', stats.queryLimitDisconnections],
    ['client_output_buffer_limit_disconnections', stats.outputLimitDisconnections],
    ['reply_buffer_shrinks', 0],
    ['reply_buffer_expands', 0],
    ['eventloop_cycles', stats.loopTurns],
    ['eventloop_duration_sum', Math.round(stats.loopMicros)],
    ['eventloop_duration_cmd_sum', Math.round(stats.commandMicros)],
    ['instantaneous_eventloop_cycles_per_sec', Math.round(stats.loopTurnsPerSecond)],
    ['instantaneous_eventloop_duration_usec', Math.round(stats.loopTurnMicros)],
    ['slowlog_commands_count', stats.slowCommands],
    ['slowlog_commands_time_ms_sum', (stats.slowMicros / 1000).toFixed(2)],
    ['slowlog_commands_time_ms_max', (stats.slowestMicros / 1000).toFixed(2)],
    ['acl_access_denied_auth', stats.deniedAuth],
    ['acl_access_denied_cmd', stats.deniedCommand],
    ['acl_access_denied_key', stats.deniedKey],
    ['acl_access_denied_channel', stats.deniedChannel],
    ['lease_commands', stats.leased],
    ['routed_commands', stats.routed],
    ['escalated_commands', stats.escalated],
    ['multi_shard_commands', stats.multiShard],
    ['joined_read_commands', stats.joinedReads],
    ['lease_contended', stats.leaseContended],
    ['parallel_parts', stats.parallelParts],
  ];
}

/** What Redis shows only when asked for by name. */
function debugLines({ stats }: InfoSnapshot): Line[] {
  return [
    // The append-only file is written by a thread of its own.
    ['eventloop_duration_aof_sum', 0],
    ['eventloop_duration_cron_sum', Math.round(stats.loopTickMicros)],
    ['eventloop_duration_max', Math.round(stats.longestTurnMicros)],
    ['eventloop_cmd_per_cycle_max', stats.turnCommandsMax],
  ];
}

function threadLines({ threads }: InfoSnapshot): Line[] {
  return threads.map(({ clients, reads, writes }, io): Line => {
    return [`io_thread_${io}`, `clients=${clients},reads=${reads},writes=${writes}`];
  });
}

function replicationLines({ replication }: InfoSnapshot): Line[] {
  return [
    ['role', 'master'],
    ['connected_slaves', 0],
    ['master_failover_state', 'no-failover'],
    ['master_replid', replication.id],
    ['master_replid2', '0'.repeat(40)],
    ['master_repl_offset', replication.offset],
    ['second_repl_offset', -1],
    ['repl_backlog_active', 0],
    ['repl_backlog_size', replication.backlogBytes],
    ['repl_backlog_first_byte_offset', 0],
    ['repl_backlog_histlen', 0],
  ];
}

function cpuLines({ cpu }: InfoSnapshot): Line[] {
  return [
    ['used_cpu_sys', cpu.systemSeconds.toFixed(6)],
    ['used_cpu_user', cpu.userSeconds.toFixed(6)],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
    ['used_cpu_sys_main_thread', cpu.mainSystemSeconds.toFixed(6)],
    ['used_cpu_user_main_thread', cpu.mainUserSeconds.toFixed(6)],
    ...cpu.threads.flatMap(({ name, userSeconds, systemSeconds }): Line[] => [
      [`used_cpu_sys_${name}`, systemSeconds.toFixed(6)],
      [`used_cpu_user_${name}`, userSeconds.toFixed(6)],
    ]),
  ];
}

interface Section {
  readonly name: string;
  readonly title: string;
  /** False: only when asked for, or with `all` and `everything`. */
  readonly isDefault: boolean;
  /** Only when asked for by name. */
  readonly isHidden?: boolean;
  lines(snapshot: InfoSnapshot): readonly Line[];
}

const SECTIONS: readonly Section[] = [
  { name: 'server', title: 'Server', isDefault: true, lines: serverLines },
  { name: 'clients', title: 'Clients', isDefault: true, lines: clientsLines },
  { name: 'memory', title: 'Memory', isDefault: true, lines: memoryLines },
  { name: 'persistence', title: 'Persistence', isDefault: true, lines: persistenceLines },
  { name: 'threads', title: 'Threads', isDefault: true, lines: threadLines },
  { name: 'stats', title: 'Stats', isDefault: true, lines: statsLines },
  { name: 'replication', title: 'Replication', isDefault: true, lines: replicationLines },
  { name: 'cpu', title: 'CPU', isDefault: true, lines: cpuLines },
  { name: 'modules', title: 'Modules', isDefault: true, lines: () => [] },
  { name: 'commandstats', title: 'Commandstats', isDefault: false, lines: commandStatsLines },
  { name: 'errorstats', title: 'Errorstats', isDefault: true, lines: errorStatsLines },
  { name: 'latencystats', title: 'Latencystats', isDefault: false, lines: latencyStatsLines },
  { name: 'cluster', title: 'Cluster', isDefault: true, lines: () => [['cluster_enabled', 0]] },
  { name: 'keyspace', title: 'Keyspace', isDefault: true, lines: keyspaceLines },
  { name: 'debug', title: 'Debug', isDefault: false, isHidden: true, lines: debugLines },
];

/**
 * The text of INFO for `sections`: names in lower case, `default`, `all` or `everything`; none
 * means `default`, unknown ones add nothing. Values are latin1 or ASCII; lines end with CR LF.
 */
export function infoText(snapshot: InfoSnapshot, sections: readonly string[]): string {
  const asked = new Set(sections.length === 0 ? ['default'] : sections);
  const isAll = asked.has('all') || asked.has('everything');
  return SECTIONS.filter(
    ({ name, isDefault, isHidden }) =>
      (isAll && isHidden !== true) || asked.has(name) || (isDefault && asked.has('default')),
  )
    .map(({ title, lines }) => {
      const text = lines(snapshot).map(([name, value]) => `${name}:${value}\r\n`);
      return `# ${title}\r\n${text.join('')}`;
    })
    .join('\r\n');
}
