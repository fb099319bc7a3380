/** A short run of the ACL model; `npm run fuzz:acl` runs it as long as wanted. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera } from '../support/tessera.ts';
import { AclModel, closeAcl, connectAcl, shownAcl } from './acl.ts';

const ROUNDS = 40;
const isInstalled = redisServerPath() !== null;
if (!isInstalled) console.warn('redis-server is not installed: the ACL model is skipped');

test.skipIf(!isInstalled).each([
  ['one thread', []],
  ['two I/O threads', ['--io-threads', '2']],
  ['routed', ['--lease', 'no']],
])('decisions are those of redis-server: %s', async (_name, options) => {
  const redis = await startRedis();
  const tessera = await startTessera(options);
  const servers = await connectAcl(redis.port, tessera.port);
  try {
    await withRandom(async (random) => {
      const model = new AclModel(servers, random);
      const found = await model.run(ROUNDS);
      expect(found === null ? '' : shownAcl(found)).toBe('');
      expect(model.subjectCount).toBeGreaterThan(200);
    });
  } finally {
    closeAcl(servers);
    await redis.stop();
    expect(await tessera.stop()).toBe(0);
  }
});
