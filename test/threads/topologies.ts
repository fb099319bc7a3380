/**
 * The kinds of servers that every thread test runs on. `auto` is io_uring where the machine has it.
 */
export const TOPOLOGIES: readonly (readonly [name: string, args: readonly string[]])[] = [
  topology(1, 1, 1, 'yes', 'auto'),
  topology(1, 4, 2, 'no', 'node-net'),
  topology(2, 16, 2, 'yes', 'auto'),
  topology(2, 16, 3, 'no', 'auto'),
  topology(2, 4, 1, 'yes', 'node-net'),
];

function topology(
  ioThreads: number,
  shards: number,
  shardThreads: number,
  lease: string,
  transport: string,
): readonly [string, readonly string[]] {
  const name = `${ioThreads} io, ${shards} shards, lease ${lease}, ${transport}`;
  const args = ['--io-threads', ioThreads, '--shards', shards, '--shard-threads', shardThreads];
  return [name, [...args, '--lease', lease, '--transport', transport].map(String)];
}
