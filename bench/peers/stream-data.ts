/** Streams for the rows about them: entries of two small fields with IDs that are known. */
import { encodeCommand, RawConnection } from './raw-connection.ts';

const ENTRIES_PER_BATCH = 1000;

/** Fields and values of entry `index`. */
export function fieldsOf(index: number): readonly string[] {
  return ['sensor', String(index % 1000), 'value', `v:${String(index).padStart(6, '0')}`];
}

/** ID of entry `index` of a stream: ten of them share a millisecond. */
export function idOf(index: number): string {
  return `${1_700_000_000_000 + Math.floor(index / 10)}-${index % 10}`;
}

/** Appends `count` entries to the stream `key`. */
export async function fillStream(port: number, key: string, count: number): Promise<void> {
  const connection = await RawConnection.open(port);
  for (let first = 0; first < count; first += ENTRIES_PER_BATCH) {
    const batch: Buffer[] = [];
    for (let i = first; i < Math.min(count, first + ENTRIES_PER_BATCH); i++) {
      batch.push(encodeCommand(['XADD', key, idOf(i), ...fieldsOf(i)]));
    }
    await connection.discard(Buffer.concat(batch));
  }
  connection.close();
}
