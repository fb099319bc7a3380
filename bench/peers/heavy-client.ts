/**
 * Heavy client: `heavy-client.ts PORT keys` runs KEYS * in a loop, `heavy-client.ts PORT mget COUNT
 * KEYS` an MGET of COUNT keys, until its standard input closes. It throws the replies away as
 * cheaply as it can. Writes the milliseconds of each call.
 */
import { multiGet } from './data-set.ts';
import { encodeCommand, RawConnection } from './raw-connection.ts';

const [port, mode, count, keyCount] = process.argv.slice(2) as [string, string, string?, string?];
const request =
  mode === 'keys' ? encodeCommand(['KEYS', '*']) : multiGet(Number(count), Number(keyCount));
let isEnding = false;
process.stdin.on('end', () => {
  isEnding = true;
});
process.stdin.resume();
const connection = await RawConnection.open(Number(port));
while (!isEnding) {
  const ms = await connection.discard(request);
  process.stdout.write(`${JSON.stringify(ms)}\n`);
}
connection.close();
