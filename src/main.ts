/**
 * Main: command line -> configuration -> arenas -> threads -> signals. Afterwards it is the hub of
 * control messages; no client byte passes here.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { TESSERA_VERSION } from './base/version.ts';
import { ALL_COMMANDS } from './commands/registry.ts';
import { CommandTable } from './commands/table.ts';
import { AclCommands } from './server/acl/acl-commands.ts';
import { AclControl, userLineError } from './server/acl/control.ts';
import { decideStart } from './server/command-line.ts';
import { MeaningReport } from './server/config/report.ts';
import { readBindAddresses } from './server/config/special-directives.ts';
import type { ConfigStore } from './server/config/store.ts';
import { CrashReport } from './server/crash-report.ts';
import { Hub } from './server/hub.ts';
import { fileLogWriter, type LogFilter, Logger } from './server/log.ts';
import { constrainedMemory } from './server/machine.ts';
import { planServer } from './server/plan.ts';
import { applyRenames } from './server/renames.ts';
import { portProblem } from './transport/port-probe.ts';

const BANNER = `
  _______                            Tessera ${TESSERA_VERSION} (64 bit)
 |_     _|-.                         Redis-compatible, in memory, multi-threaded
   |   | | |--.   Port: PORT
   |___| |____|   PID: PROCESS
`;

function commandNames(): ReadonlySet<string> {
  return new Set(ALL_COMMANDS.map((spec) => spec.name));
}

async function main(): Promise<void> {
  const names = commandNames();
  const commands = new AclCommands(new CommandTable(ALL_COMMANDS));
  const decision = decideStart(process.argv.slice(2), {
    isCommand: (name) => names.has(name.toLowerCase()),
    checkUser: (words, known) => userLineError(words, known, commands),
  });
  if (decision.store === undefined) {
    process.stdout.write(decision.stdout);
    process.stderr.write(decision.stderr);
    process.exitCode = decision.exitCode;
    return;
  }
  await serve(decision.store);
}

function sayHello(logger: Logger, config: ConfigStore): void {
  logger.notice('oO0OoO0OoO0Oo Tessera is starting oO0OoO0OoO0Oo');
  const node = `Node ${process.versions.node}`;
  logger.notice(
    `Tessera version=${TESSERA_VERSION}, bits=64, pid=${process.pid}, ${node}, just started`,
  );
  logger.notice(config.configFile === '' ? NO_CONFIG_FILE : 'Configuration loaded');
  if (config.bool('always-show-logo') || (process.stdout.isTTY && config.text('logfile') === '')) {
    const banner = BANNER.replace('PORT', String(config.int('port')));
    logger.raw('notice', banner.replace('PROCESS', String(process.pid)));
  }
  // The suite and other tools look for the pid in a line of its own.
  logger.notice(`Server PID: ${process.pid} `);
  for (const line of new MeaningReport().lines(config)) logger.warning(line);
}

const NO_CONFIG_FILE =
  'Warning: no config file specified, using the default config. ' +
  'In order to specify a config file use tessera-server /path/to/redis.conf';

async function serve(config: ConfigStore): Promise<void> {
  const startedMs = Date.now();
  const logger = new Logger({
    role: 'M',
    level: config.text('loglevel') as LogFilter,
    write: fileLogWriter(config.path('logfile')),
  });
  sayHello(logger, config);
  if (config.int('port') === 0 && config.text('unixsocket') === '') {
    logger.warning('Configured to not listen anywhere, exiting.');
    process.exit(1);
  }
  const table = new CommandTable(applyRenames(ALL_COMMANDS, config.renames));
  const plan = planServer(config, table.rows.length, constrainedMemory());
  for (const line of plan.notes) logger.notice(line);
  if (config.int('io-threads') > 1 && config.int('port') !== 0) {
    const bind = readBindAddresses(config.text('bind'));
    const problem = await portProblem(bind, config.int('port'));
    if (problem !== null) {
      logger.warning(problem);
      logger.warning('Failed listening, aborting.');
      process.exit(1);
    }
  }
  const pidfile = config.path('pidfile');
  if (pidfile !== '') writePidfile(logger, pidfile);
  const runId = randomBytes(20).toString('hex');
  const crash = new CrashReport({ config, logger, plan, startedMs, runId });
  crash.watch();
  const acl = new AclControl({
    config,
    commands: new AclCommands(table),
    log: (level, text) => logger.log(level, text),
  });
  if (!acl.start()) process.exit(1);
  const hub = new Hub({
    acl,
    config,
    logger,
    plan,
    startedMs,
    runId,
    crash,
    onEnd: (code) => {
      if (pidfile !== '' && existsSync(pidfile)) rmSync(pidfile, { force: true });
      process.exit(code);
    },
  });
  hub.signals.watch();
  await hub.start();
}

function writePidfile(logger: Logger, path: string): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    logger.warning(`Failed to write PID file: ${error instanceof Error ? error.message : error}`);
  }
}

await main();
