/** What tests of access control need of whole servers. */
import { type Decoded, decodeReply } from './decode-reply.ts';
import type { RawClient } from './raw-client.ts';
import { type SpawnOptions, startTessera, type Tessera } from './tessera.ts';

/** Sends a line of words, by default as the administrator; the raw reply. */
export type Run = (line: string, client?: RawClient) => Promise<string>;

/** A server with a connection that may do everything. */
export interface AclServer {
  readonly server: Tessera;
  readonly run: Run;
  /** Stops the server; its exit code. */
  stop(): Promise<number | null>;
}

export async function startAclServer(
  args: readonly string[] = [],
  options: SpawnOptions = {},
): Promise<AclServer> {
  const server = await startTessera(args, options);
  const admin = await server.connect();
  return {
    server,
    run: (line, client = admin) => client.command(line.split(' ')),
    stop: () => {
      admin.close();
      return server.stop();
    },
  };
}

/** Fields of a map in a RESP2 reply: names and values in turn. */
export function fieldsOf(entry: Decoded): Record<string, Decoded> {
  const list = entry as readonly Decoded[];
  const fields: Record<string, Decoded> = {};
  for (let i = 0; i < list.length; i += 2) fields[list[i] as string] = list[i + 1]!;
  return fields;
}

/** The entries of ACL LOG. */
export async function logOf(run: Run): Promise<Record<string, Decoded>[]> {
  return (decodeReply(await run('ACL LOG')) as readonly Decoded[]).map(fieldsOf);
}
