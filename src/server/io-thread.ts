/** Puts one I/O thread together: set-up, transport, services, control messages. */
import { availableParallelism } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import type { ParserLimits } from '../resp/request-parser.ts';
import { watchDoorbell } from '../sync/doorbell.ts';
import { ringEventfd } from '../transport/libc.ts';
import { type ChosenTransport, createTransport } from '../transport/select.ts';
import type { ListenOptions, Transport } from '../transport/transport.ts';
import { answerAcl, applyProtection } from './acl/clients.ts';
import { REPLAY_CONN } from './aof-replay.ts';
import { type ClientLimits, clientMemoryMax } from './client-limits.ts';
import { allowsProtectedAction, readBindAddresses } from './config/special-directives.ts';
import { type Answer, ControlPort, type ToMain, type ToThread } from './control.ts';
import { Dispatcher } from './dispatcher.ts';
import { sampleRates } from './info-source.ts';
import { IoServer } from './io-server.ts';
import type { LogFilter, Logger } from './log.ts';
import { QUERY_BUFFER_BYTES_MAX, ReplaySlot } from './replay-slot.ts';
import { Services } from './services.ts';
import {
  applyCommandLimits,
  setUpThread,
  type ThreadParts,
  type ThreadStart,
  threadLogger,
} from './thread-setup.ts';

/**
 * 16 KiB each, and all of them become resident in turn. 1 MiB serves a turn of hundreds of small
 * commands, and is parsed in about 1 ms: one sender of large commands does not hold others up.
 */
const RECEIVE_BUFFERS = 64;

function listenOptions(parts: ThreadParts): ListenOptions {
  const { config, start, layout } = parts;
  return {
    bind: readBindAddresses(config.text('bind')),
    port: config.int('port'),
    backlog: config.int('tcp-backlog'),
    reusePort: layout.topology.ioThreads > 1,
    unixSocket: start.thread === 1 ? config.path('unixsocket') : '',
    unixSocketPerm: config.int('unixsocketperm'),
    tcpKeepaliveSeconds: config.int('tcp-keepalive'),
  };
}

/** Refreshes what hot paths know of the configuration. */
function applyLimits(parts: ThreadParts, limits: ClientLimits, parser: ParserLimits): void {
  const { config } = parts;
  applyCommandLimits(parts);
  parser.maxBulkLength = config.int('proto-max-bulk-len');
  limits.maxClients = config.int('maxclients');
  limits.timeoutMs = config.int('timeout') * 1000;
  limits.queryBufferMax = Math.min(config.int('client-query-buffer-limit'), QUERY_BUFFER_BYTES_MAX);
  limits.clientMemoryMax = clientMemoryMax(
    config.int('maxmemory-clients'),
    config.int('maxmemory'),
  );
  applyProtection(limits, parts);
  const debug = config.text('enable-debug-command');
  limits.mayDebug = (isLoopback) => allowsProtectedAction(debug, isLoopback);
  const modules = config.text('enable-module-command');
  limits.mayUseModules = (isLoopback) => allowsProtectedAction(modules, isLoopback);
}

function unsetLimits(parts: ThreadParts, logger: Logger): ClientLimits {
  return {
    maxClients: 0,
    timeoutMs: 0,
    queryBufferMax: 0,
    clientMemoryMax: 0,
    output: parts.output,
    isProtected: false,
    mayDebug: () => false,
    mayUseModules: () => false,
    log: (level, text) => logger.log(level, text),
    allStats: parts.allStats,
  };
}

function parserLimitsOf({ config }: ThreadParts): ParserLimits {
  return {
    maxBulkLength: config.int('proto-max-bulk-len'),
    maxMultibulk: 0x7fffffff,
    maxInline: 64 * 1024,
  };
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Listens where the configuration says now; `done` gets an error text or null. */
function listenAgain(
  transport: Transport,
  options: ListenOptions,
  done: (error: string | null) => void,
): void {
  transport.unlisten();
  transport.listen(options).then(
    () => done(null),
    (error: unknown) => done(errorText(error)),
  );
}

function chooseTransport({ config, layout }: ThreadParts, io: IoServer): ChosenTransport {
  return createTransport(config.text('transport') as 'auto', io, {
    connectionsMax: layout.topology.connections,
    firstConnection: REPLAY_CONN + 1,
    receiveBufferCount: RECEIVE_BUFFERS,
    letsOthersRun: layout.topology.ioThreads >= availableParallelism(),
  });
}

/** A function that hands every message which has arrived to `take`. */
function controlPoller(
  control: ControlPort<ToMain, ToThread>,
  take: (message: ToThread) => void,
): () => void {
  return () => {
    for (let m = control.poll(); m !== null; m = control.poll()) take(m);
  };
}

/** Runs an I/O thread until main stops it. `port` leads to main. */
export async function runIoThread(start: ThreadStart, port: MessagePort): Promise<void> {
  const parts = setUpThread(start, ringEventfd);
  const { config, layout } = parts;
  const logger = threadLogger(parts);
  const control = new ControlPort<ToMain, ToThread>(port);
  const limits = unsetLimits(parts, logger);
  const parserLimits = parserLimitsOf(parts);
  applyLimits(parts, limits, parserLimits);
  const io: IoServer = new IoServer({
    ...parts,
    thread: start.thread,
    parserLimits,
    limits,
    postbox: start.buffers.postboxes[start.thread - 1]!,
    pollControl: () => {
      pollControl();
      replaySlot.step();
      services.insight.poll();
    },
    wakeSoon: () => wakeSoon(),
    onTicked: start.thread === 1 ? (unixMs) => sampleRates(parts, unixMs) : () => undefined,
    onParked: () => {
      if (transport.wakeFd < 0) watchBell();
    },
  });
  const wakeSoon = (): void => {
    if (transport.wakeFd >= 0) ringEventfd(transport.wakeFd);
    else setImmediate(() => io.onRung());
  };
  const watchBell = watchDoorbell(layout.words, layout.bellWord(start.thread), () => io.onRung());
  const dispatcher = new Dispatcher({
    ...parts,
    thread: start.thread,
    workers: parts.workerRingers,
    sessions: io.sessions,
  });
  dispatcher.isLeaseOn = config.bool('lease');
  const chosen = chooseTransport(parts, io);
  const transport: Transport = chosen.transport;
  const commands = parts.table.specs;
  const services = new Services(parts, io, logger, commands, transport.name, (message) =>
    control.send(message),
  );
  io.connect(dispatcher, transport, services);
  const replaySlot = new ReplaySlot({
    parts,
    io,
    limits,
    parserLimits,
    wakeSoon,
    connect: (used) => io.connect(dispatcher, used, services),
    restoreLimits: () => applyLimits(parts, limits, parserLimits),
  });
  const pollControl = controlPoller(control, (m) => {
    if (m.type === 'stop') {
      transport.stop();
      port.close();
    } else if (m.type === 'answer') services.answered(m.id, m.answer);
    else if (m.type === 'ask') answer(m.id, services.answerClients(m.ask, m.selfId));
    else if (m.type === 'config') {
      config.applyChanges(m.record);
      applyLimits(parts, limits, parserLimits);
      io.limitsChanged();
      logger.setLevel(config.text('loglevel') as LogFilter);
      // No promise where none is needed: the loop may sleep in the kernel before its callback runs.
      const done = (error: string | null): void => answer(m.id, { error });
      if ('port' in m.record || 'bind' in m.record) {
        listenAgain(transport, listenOptions(parts), done);
      } else done(null);
    } else if (m.type === 'users' || m.type === 'denials') {
      answer(m.id, answerAcl(m, parts, io, limits));
    } else if (m.type === 'replay') {
      replaySlot.start(transport, m.order, (replay) => answer(m.id, { error: null, replay }));
    }
  });
  const answer = (id: number, found: Answer) => control.send({ type: 'answer', id, answer: found });
  try {
    await transport.listen(listenOptions(parts));
  } catch (error) {
    control.send({ type: 'failed', thread: start.thread, message: errorText(error) });
    return;
  }
  layout.setWakeFd(start.thread, transport.wakeFd);
  const name = `${transport.name} (${chosen.reason})`;
  control.send({ type: 'ready', thread: start.thread, transport: name });
  io.onTurnEnd();
  await transport.run();
}
