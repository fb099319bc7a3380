/** The jobs of the pool: pure functions from a job to the bytes of its result. */

import { writeDocsOf } from '../commands/command.ts';
import { CommandIndex } from '../commands/command-info.ts';
import { ALL_COMMANDS } from '../commands/registry.ts';
import type { PoolJob } from '../commands/spec.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';

const REPLY_BYTES = 256 * 1024;

/** Does one job. Renamed commands are documented under their own names. */
export function runPoolJob(job: PoolJob): Uint8Array {
  const reply = new ReplyWriter(REPLY_BYTES);
  reply.resp3 = job.isResp3;
  writeDocsOf(reply, CommandIndex.of(ALL_COMMANDS), job.names);
  return reply.buf.slice(0, reply.length);
}
