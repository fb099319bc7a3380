/** Entry of a pool thread: piscina calls the default export with a job. */
import type { PoolJob } from '../src/commands/spec.ts';
import { runPoolJob } from '../src/server/pool-jobs.ts';

export default function run(job: PoolJob): Uint8Array {
  return runPoolJob(job);
}
