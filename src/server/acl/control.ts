/**
 * AclControl: main's side of access control. It holds the users that count, changes them, reads and
 * writes the ACL file, and keeps the log. What it changes goes to all threads before it answers.
 */
import type { AclOrder, AclOutcome } from '../../commands/acl-services.ts';
import { fromByteText } from '../config/byte-text.ts';
import type { ConfigStore } from '../config/store.ts';
import type { LogFilter } from '../log.ts';
import type { AclCommands } from './acl-commands.ts';
import { loadAclFile, saveAclFile } from './acl-file.ts';
import { AclLog, type NotedDenials } from './acl-log.ts';
import { applyRules, mergeSelectors, setUserRules } from './rules.ts';
import { hasSpaces, RULE_ERRORS } from './selector.ts';
import { AclUser, DEFAULT_USER, type UserRecord } from './user.ts';
import { AclUsers, type UsersChange } from './users.ts';

const NO_FILE =
  'ERR This Redis instance is not configured to use an ACL file. You may want to specify users ' +
  'via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis ' +
  'configuration file set) in order to store users in the Redis configuration.';
const SAVE_FAILED =
  'ERR There was an error trying to save the ACLs. Please check the server logs for more ' +
  'information';
const BOTH_SOURCES =
  'Configuring Tessera with users defined in the configuration file and at the same setting an ' +
  'ACL file path is invalid. This setup is very likely to lead to configuration errors and ' +
  'security holes, please define either an ACL file or declare users directly in your ' +
  'configuration file, but not both.';

/** What it needs of the server. */
export interface AclControlParts {
  readonly config: ConfigStore;
  readonly commands: AclCommands;
  readonly log: (level: Exclude<LogFilter, 'nothing'>, text: string) => void;
}

/** The way to the other threads. */
export interface AclLink {
  /** Resolves when all threads have taken the change over; `clientId` is who asked for it. */
  readonly broadcast: (change: UsersChange, clientId: number) => Promise<void>;
  /** What all threads have noted since they were asked last. */
  readonly drainNotes: () => Promise<readonly NotedDenials[]>;
}

export class AclControl {
  readonly #parts: AclControlParts;
  readonly #users: AclUsers;
  readonly #log = new AclLog();
  #link: AclLink | null = null;
  /** Orders run one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(parts: AclControlParts) {
    this.#parts = parts;
    this.#users = new AclUsers(parts.commands);
  }

  /** Completes the construction: threads are there now. */
  connect(link: AclLink): void {
    this.#link = link;
  }

  get #allChannels(): boolean {
    return this.#parts.config.text('acl-pubsub-default') === 'allchannels';
  }

  /** All users, for a thread that starts. */
  records(): UserRecord[] {
    return this.#users.records();
  }

  // Start --------------------------------------------------------------------------------------

  /** Sets up the configured users. False: why not is in the log, and the server must not start. */
  start(): boolean {
    const { config, log } = this.#parts;
    this.#take([this.#withPassword(config.text('requirepass'))]);
    if (config.text('aclfile') !== '' && config.users.length > 0) {
      log('warning', BOTH_SOURCES);
      return false;
    }
    if (!config.users.every((words) => this.#addConfigured(words))) {
      log('warning', 'Critical error while loading ACLs. Exiting.');
      return false;
    }
    if (config.text('aclfile') === '') return true;
    const { error } = this.#loadFile();
    if (error !== null) {
      log('warning', `Aborting Tessera startup because of ACL errors: ${fromByteText(error)}`);
    }
    return error === null;
  }

  /** A `user` line of the configuration. */
  #addConfigured([name, ...words]: readonly string[]): boolean {
    const { commands, log } = this.#parts;
    if (name === undefined || hasSpaces(name)) {
      log('warning', 'Spaces not allowed in ACL usernames');
      return false;
    }
    const user = new AclUser(commands, name, this.#allChannels);
    const refused = applyRules(user, mergeSelectors(words).rules ?? words, this.#allChannels);
    if (refused !== null) {
      const rule = withoutSecret(fromByteText(refused.rule));
      const who = `the user named '${fromByteText(name)}'`;
      log('warning', `Error loading ACL rule '${rule}' for ${who}: ${refused.error}`);
      return false;
    }
    this.#take([user]);
    if (!user.isOn) {
      log(
        'notice',
        `The user '${fromByteText(name)}' is disabled (there is no 'on' modifier in the user ` +
          'description). Make sure this is not a configuration error.',
      );
    }
    return true;
  }

  #take(users: readonly AclUser[], removed: readonly string[] = []): UsersChange {
    const change = { users: users.map((user) => user.toRecord()), removed };
    this.#users.apply(change);
    return change;
  }

  /** The default user with another password; '' = it needs none. */
  #withPassword(password: string): AclUser {
    const user = this.#draft(DEFAULT_USER);
    user.apply('resetpass', false);
    user.apply(password === '' ? 'nopass' : `>${password}`, false);
    return user;
  }

  /** A copy of a user, or a new one. */
  #draft(name: string): AclUser {
    const { commands } = this.#parts;
    const known = this.#users.get(name);
    if (known === null) return new AclUser(commands, name, this.#allChannels);
    return AclUser.fromRecord(commands, known.toRecord());
  }

  // Orders -------------------------------------------------------------------------------------

  /** Does what a client asks for; resolves when all threads know of it. */
  order(order: AclOrder, clientId: number): Promise<AclOutcome> {
    const done = this.#queue.then(() => this.#run(order, clientId));
    this.#queue = done;
    return done;
  }

  /** `requirepass` has changed; resolves when all threads know. */
  passwordChanged(): Promise<void> {
    const done = this.#queue.then(() => {
      const { config } = this.#parts;
      return this.#tell(this.#take([this.#withPassword(config.text('requirepass'))]), -1);
    });
    this.#queue = done;
    return done;
  }

  #tell(change: UsersChange, clientId: number): Promise<void> {
    return this.#link!.broadcast(change, clientId);
  }

  #run(order: AclOrder, clientId: number): Promise<AclOutcome> | AclOutcome {
    switch (order.do) {
      case 'set-user':
        return this.#setUser(order.name, order.rules, clientId);
      case 'delete-users':
        return this.#deleteUsers(order.names, clientId);
      case 'load':
        return this.#load(clientId);
      case 'save':
        return this.#save();
      case 'log':
        return this.#showLog(order.count);
      case 'reset-log':
        return this.#resetLog();
    }
  }

  async #setUser(name: string, rules: readonly string[], clientId: number): Promise<AclOutcome> {
    const draft = this.#draft(name);
    const error = setUserRules(draft, rules, this.#allChannels);
    if (error === null) await this.#tell(this.#take([draft]), clientId);
    return { error };
  }

  async #deleteUsers(names: readonly string[], clientId: number): Promise<AclOutcome> {
    const known = [...new Set(names)].filter((name) => this.#users.get(name) !== null);
    if (known.length > 0) await this.#tell(this.#take([], known), clientId);
    return { error: null, count: known.length };
  }

  async #load(clientId: number): Promise<AclOutcome> {
    if (this.#parts.config.text('aclfile') === '') return { error: NO_FILE };
    const { error, change } = this.#loadFile();
    if (error !== null) return { error: `ERR ${error}` };
    await this.#tell(change!, clientId);
    return { error: null };
  }

  /** Makes the users of the file the only ones; nothing changes where the file has errors. */
  #loadFile(): { readonly error: string | null; readonly change?: UsersChange } {
    const { config, commands } = this.#parts;
    const loaded = loadAclFile(config.path('aclfile'), {
      commands,
      file: config.text('aclfile'),
      allChannels: this.#allChannels,
    });
    if (loaded.users === undefined) return { error: loaded.error };
    const names = new Set(loaded.users.map(({ name }) => name));
    const gone = this.#users.sorted().filter(({ name }) => !names.has(name));
    const change = this.#take(
      loaded.users,
      gone.map(({ name }) => name),
    );
    return { error: null, change };
  }

  #save(): AclOutcome {
    const { config, log } = this.#parts;
    if (config.text('aclfile') === '') return { error: NO_FILE };
    const failure = saveAclFile(config.path('aclfile'), this.#users.sorted());
    if (failure === null) return { error: null };
    log('warning', failure);
    return { error: SAVE_FAILED };
  }

  async #showLog(count: number): Promise<AclOutcome> {
    const notes = await this.#link!.drainNotes();
    this.#log.collect(notes, this.#parts.config.int('acllog-max-len'));
    return { error: null, log: this.#log.newest(count) };
  }

  async #resetLog(): Promise<AclOutcome> {
    await this.#link!.drainNotes();
    this.#log.reset();
    return { error: null };
  }

  /** The `user` lines of a rewritten configuration file; none where there is an ACL file. */
  configLines(): string[] {
    if (this.#parts.config.text('aclfile') !== '') return [];
    return this.#users.sorted().map((user) => user.configLine());
  }
}

/** A rule for the log: passwords and hashes are left out. */
export function withoutSecret(rule: string): string {
  return '><#!'.includes(rule[0] ?? ' ') ? `${rule[0]}(redacted)` : rule;
}

/**
 * Why a `user` line of a configuration file is refused while it is read (with `names`, those of the
 * lines before), or null. Commands are looked for later.
 */
export function userLineError(
  words: readonly string[],
  names: readonly string[],
  commands: AclCommands,
): string | null {
  const [name, ...given] = words;
  if (name !== undefined && names.includes(name)) {
    return `Error in user declaration '${name}': ${RULE_ERRORS.duplicateUser}`;
  }
  const merged = mergeSelectors(given);
  if (merged.rules === undefined) {
    return `Error in user declaration '${merged.unmatched}': ${RULE_ERRORS.syntax}`;
  }
  const draft = new AclUser(commands, DEFAULT_USER, false);
  for (const rule of merged.rules) {
    const error = draft.apply(rule, false);
    if (error === null || error === RULE_ERRORS.unknownCommand) continue;
    return `Error in user declaration '${withoutSecret(rule)}': ${error}`;
  }
  return null;
}
