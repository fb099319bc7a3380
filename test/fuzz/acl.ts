/**
 * Random users and commands, decided about by Tessera and by a real redis-server: what ACL SETUSER
 * accepts, what ACL DRYRUN says, and what happens when the user really runs the command, in a
 * transaction and outside.
 *
 * Only commands that both servers describe alike are used: the same arity, categories and keys.
 *
 * `npm run fuzz:acl -- [--rounds N] [--seed S] [options of the server]`
 */
import { pathToFileURL } from 'node:url';
import { type Decoded, decodeReply } from '../support/decode-reply.ts';
import { Random } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTessera } from '../support/tessera.ts';

const COMMANDS_PER_ROUND = 40;
const USER = 'someone';
const REPORT_EVERY_MS = 5000;

/** One connection to each server. */
interface Pair {
  readonly real: RawClient;
  readonly ours: RawClient;
}

/** Connections of an administrator, and those of the user whose permissions are tried. */
export interface AclServers {
  readonly admin: Pair;
  readonly user: Pair;
}

/** A command that both servers describe alike. */
interface Subject {
  readonly name: readonly string[];
  readonly arity: number;
  readonly categories: readonly string[];
  readonly hasKeys: boolean;
}

/** What the two servers said to the same words. */
export interface AclDifference {
  readonly rules: readonly (readonly string[])[];
  readonly words: readonly string[];
  readonly real: string;
  readonly ours: string;
}

// What both servers have ---------------------------------------------------------------------

/** COMMAND's rows, those of sub-commands included, by full name. */
function rowsByName(reply: Decoded, into = new Map<string, readonly Decoded[]>()) {
  for (const row of reply as readonly Decoded[]) {
    const fields = row as readonly Decoded[];
    into.set(fields[0] as string, fields);
    rowsByName(fields[9]!, into);
  }
  return into;
}

/** The fields by which permissions are decided: arity, categories, key specifications. */
function facts(row: readonly Decoded[]): string {
  const sorted = [...(row[6] as string[])].sort();
  return JSON.stringify([row[1], sorted, keySpecs(row[8]!)]);
}

/** Key specifications with their flags in one order and without notes. */
function keySpecs(specs: Decoded): Decoded {
  return (specs as readonly Decoded[]).map((spec) => {
    const fields = spec as readonly Decoded[];
    const at = (name: string): Decoded => fields[fields.indexOf(name) + 1]!;
    return [[...(at('flags') as string[])].sort(), at('begin_search'), at('find_keys')];
  });
}

async function findSubjects({ real, ours }: Pair): Promise<Subject[]> {
  const [theirs, own] = [
    rowsByName(decodeReply(await real.command(['COMMAND']))),
    rowsByName(decodeReply(await ours.command(['COMMAND']))),
  ];
  const subjects: Subject[] = [];
  for (const [fullName, row] of own) {
    const other = theirs.get(fullName);
    if (other === undefined || facts(row) !== facts(other)) continue;
    subjects.push({
      name: fullName.split('|'),
      arity: row[1] as number,
      categories: row[6] as string[],
      hasKeys: (row[8] as readonly Decoded[]).length > 0,
    });
  }
  return subjects;
}

/** Categories whose members, as far as both servers have them, are the same. */
const CATEGORIES = [
  ...['keyspace', 'read', 'write', 'set', 'sortedset', 'list', 'hash', 'string', 'bitmap'],
  ...['hyperloglog', 'geo', 'pubsub', 'admin', 'fast', 'slow', 'blocking', 'dangerous'],
  ...['connection', 'transaction', 'all', 'stream', 'scripting', 'nosuch'],
];

// Random rules and commands -----------------------------------------------------------------

const PATTERNS = ['*', 'a*', 'b:?', 'k[1-3]', 'foo', 'x\\*', '', 'a', '[^a]*', '**', 'b:*'];
const NAMES = ['a', 'ab', 'b:1', 'b:22', 'k1', 'k2', 'k9', 'foo', 'x*', '', 'GET', '*', '\xff'];
const WORDS = [
  ...['0', '1', '2', '3', '-1', 'x', 'GET', 'BY', 'STORE', 'LIMIT', 'WEIGHTS', 'STOREDIST', 'KEYS'],
  ...['m', 'SET', 'INCRBY', 'OVERFLOW', 'u8', 'WITHSCORES', 'LEFT', 'RIGHT', 'MIN', 'COUNT'],
];
const PASSWORDS = ['secret', '', 'a b', '\xff\xfe', 'other'];
const HASH = '34344e4d60c2b6d639b7bd22e18f2b0b91bc34bf0ac5f9952744435093cfb4e6';

class RuleMaker {
  readonly #random: Random;
  readonly #subjects: readonly Subject[];

  constructor(random: Random, subjects: readonly Subject[]) {
    this.#random = random;
    this.#subjects = subjects;
  }

  /** The arguments of one ACL SETUSER. */
  rules(): string[] {
    const rules = Array.from({ length: 1 + this.#random.below(5) }, () => this.#rule()).flat();
    return opensTwice(rules) ? this.rules() : rules;
  }

  #rule(): string[] {
    const random = this.#random;
    const kind = random.below(20);
    if (kind < 14) return [this.#selectorRule()];
    if (kind < 16) {
      const count = random.below(4);
      const inner = Array.from({ length: count }, () => this.#selectorRule()).filter(
        (rule) => rule !== '' && !/["'\\]/.test(rule),
      );
      if (random.oneIn(3)) return `(${inner.join(' ')})`.split(' ');
      return [`(${inner.join(' ')}${random.oneIn(40) ? '' : ')'}`];
    }
    if (kind === 16) return ['clearselectors'];
    if (kind === 17) return random.oneIn(4) ? ['reset', 'on', 'nopass'] : ['nopass', 'on'];
    if (kind === 18) return [random.pick(['on', 'ON', 'sanitize-payload', 'bogus', '', '%', ')'])];
    return [this.#password()];
  }

  #password(): string {
    const random = this.#random;
    const word = random.oneIn(2) ? random.pick(PASSWORDS) : HASH;
    return random.pick(['>', '<', '#', '!']) + word;
  }

  #selectorRule(): string {
    const random = this.#random;
    switch (random.below(9)) {
      case 0:
      case 1:
        return this.#keyRule();
      case 2:
        return random.oneIn(3) ? 'resetchannels' : `&${random.pick(PATTERNS)}`;
      case 3:
        return random.pick(['allkeys', 'resetkeys', 'allchannels', 'ALLCOMMANDS', 'nocommands']);
      case 4:
      case 5:
        return `${random.pick(['+', '-'])}@${this.#case(random.pick(CATEGORIES))}`;
      default:
        return this.#commandRule();
    }
  }

  #keyRule(): string {
    const random = this.#random;
    const prefix = random.pick(['~', '~', '~', '%R~', '%W~', '%RW~', '%rw~', '%~', '%RR~', '%X~']);
    return prefix + random.pick(PATTERNS);
  }

  #commandRule(): string {
    const random = this.#random;
    const { name } = random.pick(this.#subjects);
    const sign = random.pick(['+', '+', '-']);
    if (random.oneIn(30)) return `${sign}nosuchcommand`;
    const base = name.length === 2 && random.oneIn(3) ? name[0]! : name.join('|');
    const argument = random.oneIn(8) ? `|${random.pick(['GET', 'a', '0', '', 'list'])}` : '';
    return sign + this.#case(base + argument);
  }

  #case(word: string): string {
    return this.#random.oneIn(4) ? word.toUpperCase() : word;
  }

  /** A command with arguments, some of them wrong. */
  command(subject: Subject): string[] {
    const random = this.#random;
    const words = subject.name.map((word) => this.#case(word));
    const fewest = Math.abs(subject.arity) - words.length;
    const more = subject.arity < 0 ? random.below(6) : 0;
    const count = Math.max(fewest + more - (random.oneIn(20) ? 1 : 0), 0);
    for (let i = 0; i < count; i++) {
      const isName = random.below(3) !== 0;
      words.push(isName ? random.pick(NAMES) : random.pick(WORDS));
    }
    return seesNoKeys(words) ? this.command(subject) : words;
  }
}

/** A parenthesis within an open one, which Redis 7.0 and later versions understand differently. */
function opensTwice(words: readonly string[]): boolean {
  let isOpen = false;
  for (const word of words) {
    if (word.startsWith('(') && isOpen) return true;
    if (word.startsWith('(')) isOpen = true;
    if (word.endsWith(')')) isOpen = false;
  }
  return false;
}

/**
 * Commands of which Redis finds no keys though they have some, so that everybody may run them;
 * Tessera asks for permission.
 */
function seesNoKeys(words: readonly string[]): boolean {
  return words[0]!.toLowerCase() === 'pfmerge' && words.length === 2;
}

// Comparison ---------------------------------------------------------------------------------

/** Texts of Redis 7.0 in the words of Redis 8. */
function normal(reply: string): string {
  return reply
    .replace(/this user has/gi, `User ${USER} has`)
    .replace(
      /User \S+ has no permissions to access one of the (key|channel)s used as arguments/,
      'No permissions to access a $1',
    )
    .replace(/^\$\d+/, '$');
}

/** What a reply says about permission; other errors and results differ for other reasons. */
function verdict(reply: string): string {
  const text = normal(reply);
  if (text.startsWith('-NOPERM')) return text;
  if (/^-ERR (BY|GET) option of SORT denied/.test(text)) return text;
  return 'permitted';
}

/** The verdicts about the commands of a transaction, from EXEC's reply. */
function verdicts(reply: string): string {
  if (!reply.startsWith('*')) return normal(reply);
  const denied = reply.match(/-(NOPERM|ERR (BY|GET) option of SORT denied)[^\r]*/g) ?? [];
  return denied.join('\n');
}

/** Groups of commands that the user may really run: they touch nothing but keys. */
const DATA = ['@set', '@sortedset', '@list', '@hash', '@string', '@bitmap', '@geo', '@hyperloglog'];

function isRunnable({ name, categories, hasKeys }: Subject): boolean {
  if (name[0] === 'sort') return true;
  if (!hasKeys || categories.includes('@blocking')) return false;
  return categories.some((category) => DATA.includes(category));
}

export class AclModel {
  readonly #servers: AclServers;
  readonly #random: Random;
  #subjects: readonly Subject[] = [];
  #runnable: readonly Subject[] = [];
  #maker: RuleMaker | null = null;
  /** Rules given to the user in this round. */
  #given: string[][] = [];
  /** How often each verdict came up. */
  readonly tally = new Map<string, number>();

  constructor(servers: AclServers, random: Random) {
    this.#servers = servers;
    this.#random = random;
  }

  /** How many commands are compared. */
  get subjectCount(): number {
    return this.#subjects.length;
  }

  /** Runs rounds; the first difference, or null. */
  async run(rounds: number, progress: () => void = () => undefined): Promise<AclDifference | null> {
    const { admin } = this.#servers;
    this.#subjects = await findSubjects(admin);
    this.#runnable = this.#subjects.filter(isRunnable);
    this.#maker = new RuleMaker(this.#random, this.#subjects);
    for (let round = 0; round < rounds; round++) {
      progress();
      const found = await this.#round();
      if (found !== null) return found;
    }
    return null;
  }

  async #round(): Promise<AclDifference | null> {
    this.#given = [];
    const { admin, user } = this.#servers;
    const start = ['reset', 'on', 'nopass', ...(this.#random.oneIn(2) ? ['+@all'] : [])];
    const found =
      (await this.#setUser(start)) ??
      (await this.#compare(user, ['AUTH', USER, 'x'])) ??
      (await this.#setUser(this.#maker!.rules())) ??
      (await this.#setUser(this.#maker!.rules())) ??
      (await this.#dryRuns()) ??
      (await this.#commands()) ??
      (await this.#transaction()) ??
      (await this.#logIns());
    await Promise.all([admin.real.command(['FLUSHALL']), admin.ours.command(['FLUSHALL'])]);
    return found;
  }

  #setUser(rules: readonly string[]): Promise<AclDifference | null> {
    this.#given.push([...rules]);
    return this.#compare(this.#servers.admin, ['ACL', 'SETUSER', USER, ...rules]);
  }

  /** Sends the same words to both; a difference, or null. */
  async #compare(
    { real, ours }: Pair,
    words: readonly string[],
    seen: (reply: string) => string = normal,
  ): Promise<AclDifference | null> {
    const [theirs, own] = await Promise.all([real.command(words), ours.command(words)]);
    const [a, b] = [seen(theirs), seen(own)];
    const kind = a.replace(/'[^']*'/g, '').slice(0, 60);
    this.tally.set(kind, (this.tally.get(kind) ?? 0) + 1);
    return a === b ? null : { rules: this.#given, words, real: theirs, ours: own };
  }

  async #dryRuns(): Promise<AclDifference | null> {
    for (let i = 0; i < COMMANDS_PER_ROUND; i++) {
      const command = this.#maker!.command(this.#random.pick(this.#subjects));
      const words = ['ACL', 'DRYRUN', USER, ...command];
      const found = await this.#compare(this.#servers.admin, words);
      if (found !== null) return found;
    }
    return null;
  }

  async #commands(): Promise<AclDifference | null> {
    for (let i = 0; i < COMMANDS_PER_ROUND / 4; i++) {
      const command = this.#maker!.command(this.#random.pick(this.#runnable));
      const found = await this.#compare(this.#servers.user, command, verdict);
      if (found !== null) return found;
    }
    return null;
  }

  /** Commands are queued, the rules change, and EXEC comes. */
  async #transaction(): Promise<AclDifference | null> {
    const { user } = this.#servers;
    const begun = await this.#compare(user, ['MULTI']);
    if (begun !== null) return begun;
    for (let i = 0; i < 4; i++) {
      const command = this.#maker!.command(this.#random.pick(this.#runnable));
      const found = await this.#compare(user, command, verdict);
      if (found !== null) return found;
    }
    return (
      (await this.#setUser(this.#maker!.rules())) ??
      (await this.#compare(user, ['EXEC'], verdicts)) ??
      (await this.#setUser(['allcommands'])) ??
      (await this.#compare(user, ['RESET']))
    );
  }

  /** The passwords that the rules have left. */
  async #logIns(): Promise<AclDifference | null> {
    for (const password of PASSWORDS) {
      const found = await this.#compare(this.#servers.user, ['AUTH', USER, password]);
      if (found !== null) return found;
    }
    return null;
  }
}

/** Connects an administrator and a user to both servers. */
export async function connectAcl(realPort: number, oursPort: number): Promise<AclServers> {
  const pair = async (): Promise<Pair> => ({
    real: await RawClient.connect(realPort),
    ours: await RawClient.connect(oursPort),
  });
  return { admin: await pair(), user: await pair() };
}

/** Closes all four connections. */
export function closeAcl({ admin, user }: AclServers): void {
  for (const client of [admin.real, admin.ours, user.real, user.ours]) client.close();
}

/** A difference as text that can be read and typed again. */
export function shownAcl({ rules, words, real, ours }: AclDifference): string {
  const lines = rules.map((one) => `  ACL SETUSER ${USER} ${JSON.stringify(one)}`);
  const last = `  ${JSON.stringify(words)}`;
  return [
    ...lines,
    last,
    `  redis: ${JSON.stringify(real)}`,
    `  ours:  ${JSON.stringify(ours)}`,
  ].join('\n');
}

async function main(words: readonly string[]): Promise<void> {
  let rounds = 2000;
  let seed = Date.now() % 2 ** 31;
  const options: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const name = words[i]!;
    if (name === '--rounds') rounds = Number(words[++i]);
    else if (name === '--seed') seed = Number(words[++i]);
    else options.push(name);
  }
  console.log(`seed ${seed}, ${rounds} rounds`);
  const redis = await startRedis();
  const tessera = await startTessera(options);
  const servers = await connectAcl(redis.port, tessera.port);
  const model = new AclModel(servers, new Random(seed));
  let done = 0;
  let reportMs = Date.now();
  const found = await model.run(rounds, () => {
    done += 1;
    if (Date.now() - reportMs < REPORT_EVERY_MS) return;
    reportMs = Date.now();
    console.log(`${done} rounds`);
  });
  console.log(`${model.subjectCount} commands compared`);
  for (const [kind, count] of [...model.tally].sort((a, b) => b[1] - a[1]).slice(0, 30)) {
    console.log(`${count} ${JSON.stringify(kind)}`);
  }
  console.log(found === null ? 'no difference' : `with --seed ${seed}:\n${shownAcl(found)}`);
  if (found !== null) process.exitCode = 1;
  closeAcl(servers);
  await redis.stop();
  await tessera.stop();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await main(process.argv.slice(2));
