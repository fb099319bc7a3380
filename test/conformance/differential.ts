/**
 * Random commands to a real redis-server and to the local runner, replies compared byte by byte.
 */
import fc from 'fast-check';
import type { CommandSpec } from '../../src/commands/spec.ts';
import { type Argument, LocalRunner } from '../support/local-runner.ts';
import type { RedisServer } from '../support/redis-server.ts';

export type Command = readonly Argument[];

/**
 * A difference between versions that is meant: the reply of Redis 7.0.15 and ours, for a command.
 */
export interface AllowedDifference {
  readonly name: string;
  readonly applies: (command: Command, real: string, ours: string) => boolean;
}

export interface DifferentialOptions {
  readonly specs: readonly CommandSpec[];
  readonly command: fc.Arbitrary<Command>;
  /** Commands that come before the random ones. */
  readonly begin?: readonly Command[];
  /** Random commands of a run at the least; 1 where it is left out. */
  readonly commandsMin?: number;
  /** Commands whose replies show the whole state; run after the random ones. */
  readonly probes: readonly Command[];
  readonly allowed: readonly AllowedDifference[];
  readonly resp3: boolean;
  readonly runs: number;
  /** Changes limits of a runner before the first command. */
  readonly prepare?: (runner: LocalRunner) => void;
}

const COMMANDS_MAX = 60;
const CHECK_EVERY = 8;
const ARENA_BYTES = 1 << 24;

/**
 * Throws (with fast-check's seed and the shortest failing list of commands) at the first reply that
 * differs.
 */
export async function compareWithRedis(
  server: RedisServer,
  options: DifferentialOptions,
): Promise<void> {
  await server.command(['HELLO', options.resp3 ? 3 : 2]);
  const { begin = [], commandsMin = 1 } = options;
  const commands = fc.array(options.command, { minLength: commandsMin, maxLength: COMMANDS_MAX });
  const setup = fc.record({
    shards: fc.constantFrom(1, 4),
    workMax: fc.constantFrom(0, Number.POSITIVE_INFINITY),
  });
  await fc.assert(
    fc.asyncProperty(setup, commands, async (parameters, list) => {
      await server.command(['FLUSHALL']);
      const runner = new LocalRunner(options.specs, { ...parameters, arenaBytes: ARENA_BYTES });
      runner.reply.resp3 = options.resp3;
      options.prepare?.(runner);
      for (const [i, command] of [...begin, ...list, ...options.probes].entries()) {
        const real = await server.command(command);
        const ours = runner.run(...command);
        if (real !== ours && !options.allowed.some((one) => one.applies(command, real, ours))) {
          throw new Error(`${shown(command)}\n  redis: ${cut(real)}\n  ours:  ${cut(ours)}`);
        }
        if (i % CHECK_EVERY === 0) runner.checkInvariants();
      }
      runner.checkInvariants();
    }),
    { numRuns: options.runs },
  );
}

function shown(command: Command): string {
  return command.map((word) => cut(typeof word === 'number' ? String(word) : word)).join(' ');
}

function cut(text: string | Uint8Array): string {
  const latin1 = typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
  return JSON.stringify(latin1.length > 200 ? `${latin1.slice(0, 200)}...` : latin1);
}
