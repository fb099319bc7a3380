/** The base that an append-only file begins with when there is no data yet. */
import { FileSink } from './file-sink.ts';
import { RDB_VERSION_PLAIN } from './rdb-format.ts';
import { SnapshotWriter } from './snapshot-write.ts';

/**
 * Writes a base without keys: an RDB file, or one without commands. `temporary` is its path until
 * it is complete. Throws system errors.
 */
export function writeEmptyBase(path: string, temporary: string, isRdb: boolean): void {
  const sink = new FileSink(path, temporary);
  try {
    if (isRdb) {
      const style = { compresses: false, hasChecksum: true, access: 'none' } as const;
      const writer = new SnapshotWriter(sink, style);
      writer.begin(RDB_VERSION_PLAIN, Math.floor(Date.now() / 1000), 0);
      writer.end();
    }
    sink.finish();
  } catch (error) {
    sink.abandon();
    throw error;
  }
}
