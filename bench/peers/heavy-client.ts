/**
 * Heavy client: `heavy-client.ts PORT keys` runs KEYS * in a loop, `heavy-client.ts PORT mget COUNT
 * KEYS` an MGET of COUNT keys, `heavy-client.ts PORT commands COMMAND ...` commands whose words are
 * joined by commas, until its standard input closes. It throws the replies away as cheaply as it
 * can. Writes the milliseconds of each call, or of the last command of each turn.
 */
import { multiGet } from './data-set.ts';
import { encodeCommand, RawConnection } from './raw-connection.ts';

const [port, mode, ...rest] = process.argv.slice(2);

function requests(): readonly Buffer[] {
  if (mode === 'keys') return [encodeCommand(['KEYS', '*'])];
  if (mode === 'mget') return [multiGet(Number(rest[0]), Number(rest[1]))];
  return rest.map((words) => encodeCommand(words.split(',')));
}

const turn = requests();
let isEnding = false;
process.stdin.on('end', () => {
  isEnding = true;
});
process.stdin.resume();
const connection = await RawConnection.open(Number(port));
while (!isEnding) {
  let ms = 0;
  for (const request of turn) ms = await connection.discard(request);
  process.stdout.write(`${JSON.stringify(ms)}\n`);
}
connection.close();
