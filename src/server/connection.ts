/**
 * Connection: one client of an I/O thread, from accept to close. State of the conversation only;
 * nothing about keys but the watches of its transaction.
 */
import { Fieldsets } from '../commands/fieldsets.ts';
import type { Session, TrackingOptions } from '../commands/spec.ts';
import type { Subscriptions } from '../commands/subscriptions.ts';
import type { Ref } from '../memory/arena.ts';
import { type ArgView, ParseState, type TableRoom } from '../resp/request-parser.ts';
import type { Endpoint } from '../transport/transport.ts';
import type { AclUser } from './acl/user.ts';
import type { AclUsers } from './acl/users.ts';
import type { Wait } from './blocked-clients.ts';
import type { HeldOutput } from './held-output.ts';
import type { LateOutput } from './late-output.ts';
import type { Spill } from './spill.ts';
import type { TrackedClient } from './tracked-client.ts';
import { TransactionBlock, type WatchedKey } from './transaction-block.ts';

/** What a connection asks of the thread that serves it. */
export interface ConnectionHost {
  infoLine(connection: Connection): string;
  unwatchAll(connection: Connection): void;
  /** CLIENT TRACKING. */
  readonly tracking: {
    begin(connection: Connection, options: TrackingOptions): string | null;
    end(connection: Connection): void;
  };
  /** Ends all subscriptions. */
  unsubscribeAll(connection: Connection): void;
  /** The users of the thread. */
  readonly users: AclUsers;
  /** Where large commands are received. */
  readonly spill: Spill;
}

const EMPTY = new Uint8Array(0);
/** Least room for kept input: what one read of a socket may bring. */
const INPUT_MIN = 16 * 1024;
/**
 * Input with more room than this lies in spill memory, where there is some. Elsewhere it is the
 * most room that is made ahead for an announced argument, and the most that is kept for the next.
 */
const INPUT_AHEAD_MAX = 1024 * 1024;
/** From so many arguments on, the size of the whole command is guessed, up to a bound. */
const ARGUMENTS_TO_GUESS = 4096;
const INPUT_GUESS_MAX = 32 * 1024 * 1024;
/** After this long without a byte received, spare room is given back. */
const INPUT_IDLE_MS = 2000;

export class Connection implements Session, TableRoom {
  readonly conn: number;
  /** Tells a reply for this connection from one for an earlier user of the same index. */
  readonly generation: number;
  readonly id: number;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly openedMs: number;
  readonly parseState = new ParseState();

  name = '';
  libName = '';
  libVersion = '';
  db = 0;
  protocol = 2;
  /** Whose connection it is; the default user's until it authenticates. */
  account: AclUser;
  /** It need not authenticate (any more). */
  isAuthenticated = false;
  /** That was so when it connected, or its password was right: no change of the users undoes it. */
  #isVouchedFor: boolean;
  /** It must authenticate first, or its user is not allowed everything: commands are checked. */
  isRestricted = false;
  noEvict = false;
  noTouch = false;
  replyMode: 'on' | 'off' | 'skip-next' | 'skip' = 'on';
  readonly fieldsets = new Fieldsets();
  subscriptions: Subscriptions | null = null;
  /** LISTENS bits: what it gets beside its replies (subscribers.ts). */
  listens = 0;
  /** As they will be when the queued commands have run; null = as they are. */
  queuedFieldsets: Fieldsets | null = null;
  lastActiveMs: number;
  lastCommand = 'NULL';
  bytesReceived = 0;
  bytesSent = 0;
  /** Commands answered, those of transactions one by one. */
  commandsRun = 0;

  /** Bytes received that no command has consumed: [0, inputLength) of `input`. */
  input: Uint8Array = EMPTY;
  inputLength = 0;
  /** Block of the spill memory that `input` is a view of; 0 = it is memory of this thread. */
  #inputRef: Ref = 0;
  /** That block went along with a message: what no command has consumed is to be copied out. */
  isInputGiven = false;
  /** Most bytes kept at a time since `trimInput` looked last. */
  #inputPeak = 0;

  /** Routed commands without a reply yet. */
  inflight = 0;
  /** All of them are quick commands with one key: another may be sent behind them. */
  isChainable = false;
  /** Ticket of the last reply that went out (sync/fence.ts). */
  repliedTicket = 0;
  /** A session command waits for an answer of another thread. */
  isSuspended = false;
  /** Held back by CLIENT PAUSE. */
  isPaused = false;
  /** Waits for room in a ring. */
  isStalled = false;
  /** Since when it tries to get at a shard for a read, by the monotonic clock; 0 = it does not. */
  contendedSinceMs = 0;
  /** The command that waits; null = none. */
  blocked: Wait | null = null;
  /** Replies that wait for the disk; null = none. */
  held: HeldOutput | null = null;
  /** Replays the append-only file: nothing is refused to it. */
  isReplay = false;
  /** What is told out of turn, behind replies that are on their way; null = nothing ever was. */
  late: LateOutput | null = null;
  /** CLIENT TRACKING; null = off. */
  tracking: TrackedClient | null = null;
  isReadPaused = false;
  isClosing = false;
  /** It was closed at once: it is gone as soon as the transport has let go of it. */
  isAborted = false;
  /** The peer has half-closed: nothing more will come. */
  isEnded = false;
  isClosed = false;

  isInTransaction = false;
  /** A command of the queue was refused: EXEC aborts. */
  isTransactionBroken = false;
  transactionBlock: TransactionBlock | null = null;
  transactionHasWrites = false;
  transactionNeedsMemory = false;
  /** The queue has commands whose replies come from other threads. */
  transactionAsks = false;
  queuedCommands = 0;
  /** The reply of the command in flight is thrown away: CLIENT REPLY OFF or SKIP. */
  isReplyDropped = false;
  watched: WatchedKey[] = [];
  /**
   * The database before a routed EXEC with watches, which selects none when it aborts; -1 = none.
   */
  dbBeforeExec = -1;
  /** Keys of a WATCH that is on its way to a worker. */
  pendingWatch: Uint8Array[] = [];
  /** What was sent to it between the parts of a reply that is on its way; null = nothing. */
  pushed: HeldOutput | null = null;
  /** The first part of a worker's reply has gone out, the last one has not. */
  isMidReply = false;
  /** Unix ms since when the unsent replies are over the soft limit; 0 = they are not. */
  softLimitSinceMs = 0;

  readonly #host: ConnectionHost;

  constructor(
    host: ConnectionHost,
    conn: number,
    generation: number,
    id: number,
    peer: Endpoint,
    local: Endpoint,
    nowMs: number,
  ) {
    this.#host = host;
    this.conn = conn;
    this.generation = generation;
    this.id = id;
    this.peer = peer;
    this.local = local;
    this.openedMs = nowMs;
    this.lastActiveMs = nowMs;
    this.account = host.users.default;
    this.#isVouchedFor = this.account.isOpen;
    this.accountChanged();
    this.parseState.room = this;
  }

  get isLoopback(): boolean {
    return this.peer.isLoopback;
  }

  get user(): string {
    return this.account.name;
  }

  logIn(user: string): void {
    const account = this.#host.users.get(user);
    if (account === null) throw new Error('a connection logs in as a user that is not there');
    this.account = account;
    this.#isVouchedFor = true;
    this.accountChanged();
  }

  /** Its user is no more, or it is a new connection again: nobody's, until it authenticates. */
  logOut(isVouchedFor: boolean): void {
    this.account = this.#host.users.default;
    this.#isVouchedFor = isVouchedFor;
    this.accountChanged();
  }

  /** To be called when its user, or the default user, is different now. */
  accountChanged(): void {
    this.isAuthenticated = this.#isVouchedFor || this.#host.users.default.isOpen;
    this.isRestricted = !this.isAuthenticated || !this.account.isUnrestricted;
  }

  /** It replays the append-only file: nothing is refused to it. */
  beginReplay(): void {
    this.isReplay = true;
    this.isAuthenticated = true;
    this.isRestricted = false;
  }

  /** True while nothing of this connection may be run. */
  get isBlocked(): boolean {
    return (
      this.isSuspended || this.isPaused || this.isStalled || this.isClosing || this.blocked !== null
    );
  }

  infoLine(): string {
    return this.#host.infoLine(this);
  }

  closeAfterReply(): void {
    this.isClosing = true;
  }

  beginTracking(options: TrackingOptions): string | null {
    return this.#host.tracking.begin(this, options);
  }

  endTracking(): void {
    if (this.tracking !== null) this.#host.tracking.end(this);
  }

  reset(): void {
    this.discardTransaction();
    this.endTracking();
    if (this.subscriptions !== null) this.#host.unsubscribeAll(this);
    this.fieldsets.clear();
    this.name = '';
    this.db = 0;
    this.protocol = 2;
    this.logOut(this.#host.users.default.isOpen);
    this.noEvict = false;
    this.noTouch = false;
    this.replyMode = 'on';
  }

  beginTransaction(): void {
    this.isInTransaction = true;
    this.isTransactionBroken = false;
    this.queuedCommands = 0;
    this.transactionBlock = null;
  }

  /**
   * The queue of the open transaction; made with the first command, because its watches come first.
   */
  queue(): TransactionBlock {
    if (this.transactionBlock === null) {
      this.transactionBlock = new TransactionBlock();
      for (const watch of this.watched) this.transactionBlock.addWatch(watch);
    }
    return this.transactionBlock;
  }

  discardTransaction(): void {
    this.endTransaction();
    this.unwatch();
  }

  /** Leaves the transaction state; the watches are the caller's business. */
  endTransaction(): void {
    this.isInTransaction = false;
    this.isTransactionBroken = false;
    this.transactionHasWrites = false;
    this.transactionNeedsMemory = false;
    this.transactionAsks = false;
    this.transactionBlock = null;
    this.queuedCommands = 0;
    this.queuedFieldsets = null;
  }

  unwatch(): void {
    if (this.watched.length !== 0) this.#host.unwatchAll(this);
  }

  /**
   * Keeps bytes [start, end) of `buf` behind what is kept already. A large argument that was
   * announced gets its room at once instead of by doubling.
   */
  keepInput(buf: Uint8Array, start: number, end: number): void {
    const need = this.inputLength + end - start;
    if (need > this.input.length) {
      const ahead = this.#inputAhead();
      if (!this.#growInSpill(need, ahead)) {
        let size = Math.max(INPUT_MIN, this.input.length);
        const { count } = this.parseState;
        const most = count < ARGUMENTS_TO_GUESS ? INPUT_AHEAD_MAX : INPUT_GUESS_MAX;
        while (size < need || size < Math.min(ahead, most)) size *= 2;
        this.#moveInput(new Uint8Array(size), 0);
      }
    }
    this.input.set(buf.subarray(start, end), this.inputLength);
    this.inputLength = need;
    if (need > this.#inputPeak) this.#inputPeak = need;
  }

  /**
   * Bytes that the half-sent command is known to have; where it has very many arguments, what it
   * will have when the others are as long, up to a bound. Memory that nothing is written to is
   * never resident, and copying a growing input of 8 MiB held other clients up for 4 ms.
   */
  #inputAhead(): number {
    const { need, count, total } = this.parseState;
    if (count < ARGUMENTS_TO_GUESS) return need;
    return Math.max(need, Math.min((this.inputLength / count) * total, INPUT_GUESS_MAX));
  }

  /**
   * Gives input that is or will be large a block of the spill memory. False for a small one, and
   * where there is no room.
   */
  #growInSpill(need: number, ahead: number): boolean {
    const size = Math.max(need, ahead, this.#inputRef === 0 ? 0 : this.input.length * 2);
    return size > INPUT_AHEAD_MAX && this.#moveToSpill(size);
  }

  #moveToSpill(size: number): boolean {
    const { spill } = this.#host;
    const ref = spill.takeSpare(size);
    if (ref !== 0) this.#moveInput(spill.bytes(ref, size), ref);
    return ref !== 0;
  }

  /** Makes `room` the input, with what is kept. */
  #moveInput(room: Uint8Array, ref: Ref): void {
    room.set(this.input.subarray(0, this.inputLength));
    this.#freeInput();
    this.input = room;
    this.#inputRef = ref;
  }

  #freeInput(): void {
    if (this.#inputRef !== 0 && !this.isInputGiven) this.#host.spill.free(this.#inputRef);
    this.#inputRef = 0;
    this.isInputGiven = false;
    this.input = EMPTY;
  }

  #resizeInput(size: number): void {
    if (size === 0) this.#freeInput();
    else if (size <= INPUT_AHEAD_MAX || !this.#moveToSpill(size)) {
      this.#moveInput(new Uint8Array(size), 0);
    }
  }

  /**
   * The spill block that holds the arguments where it may go along with them: they are most of the
   * kept input. 0 where they have to be copied.
   */
  givableInput(args: ArgView): Ref {
    if (this.#inputRef === 0 || args.buf !== this.input) return 0;
    const bytes = args.end(args.count - 1) - args.offset[0]!;
    return bytes * 2 > this.inputLength ? this.#inputRef : 0;
  }

  /** The block of `givableInput` went along with the arguments, their tables, too. */
  inputGiven(args: ArgView): void {
    this.isInputGiven = true;
    if (args.tableRef !== 0) this.parseState.finished = null;
  }

  /** Tables of a large command lie in spill memory, lengths first. */
  grow(args: ArgView, capacity: number): boolean {
    const { spill } = this.#host;
    const ref = spill.takeSpare(capacity * 8);
    if (ref === 0) return false;
    const { offset, length, tableRef } = args;
    args.length = spill.words(ref, 0, capacity);
    args.offset = spill.words(ref, capacity, capacity);
    args.length.set(length);
    args.offset.set(offset);
    args.tableRef = ref;
    if (tableRef !== 0) spill.free(tableRef);
    return true;
  }

  free(ref: Ref): void {
    this.#host.spill.free(ref);
  }

  /** Forgets all input of a closed connection. */
  releaseInput(): void {
    this.parseState.reset();
    this.parseState.dropFinished();
    this.inputLength = 0;
    this.#freeInput();
  }

  /**
   * Gives room for input back that was not needed of late; called about once a second. A client
   * that has gone quiet keeps what its half-sent command needs, and nothing else.
   */
  trimInput(nowMs: number): void {
    const size = this.input.length;
    if (size === 0) return;
    const isIdle = nowMs - this.lastActiveMs > INPUT_IDLE_MS;
    let wanted = this.inputLength;
    if (!isIdle) {
      wanted = Math.max(this.#inputPeak, this.#inputAhead());
      if (wanted !== 0 || size > INPUT_MIN) wanted = Math.max(wanted, INPUT_MIN);
    }
    this.#inputPeak = this.inputLength;
    if (wanted * 2 <= size) this.#resizeInput(wanted);
  }

  /**
   * Drops the first `bytes` kept bytes; memory of a large command is given back with the last one.
   */
  dropInput(bytes: number): void {
    this.parseState.dropFinished();
    const left = this.inputLength - bytes;
    if (left === 0) {
      this.inputLength = 0;
      if (this.input.length > INPUT_AHEAD_MAX) this.#freeInput();
    } else if (this.isInputGiven) {
      const rest = this.input.slice(bytes, this.inputLength);
      this.#freeInput();
      this.input = rest;
      this.inputLength = left;
    } else if (bytes > 0) {
      this.input.copyWithin(0, bytes, this.inputLength);
      this.inputLength = left;
    }
  }
}
