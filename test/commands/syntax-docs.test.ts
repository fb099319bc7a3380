import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { aclCategories } from '../../src/commands/acl-categories.ts';
import { CommandIndex, docArguments } from '../../src/commands/command-info.ts';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { type DocArgument, parseSyntax } from '../../src/commands/syntax-docs.ts';

/** A tree in short: `key*:key0`, `[EX seconds:integer | KEEPTTL]`. */
function short(nodes: readonly DocArgument[]): string {
  return nodes.map(shortOne).join(' ');
}

function shortOne(node: DocArgument): string {
  let text = `${node.name}:${node.type}${node.keySpecIndex >= 0 ? node.keySpecIndex : ''}`;
  if (node.type === 'pure-token') text = '';
  if (node.type === 'oneof') text = `<${node.children.map(shortOne).join(' | ')}>`;
  if (node.type === 'block') text = `(${short(node.children)})`;
  const token = node.token ?? '';
  const repeated = (node.isMultiple ? '*' : '') + (node.isMultipleToken ? '*' : '');
  const whole = `${token}${token !== '' && text !== '' ? ' ' : ''}${text}${repeated}`;
  return node.isOptional ? `[${whole}]` : whole;
}

describe('parseSyntax', () => {
  test.each([
    ['', ''],
    ['key value', 'key:key0 value:string'],
    ['key [key ...]', 'key:key0*'],
    ['key value [key value ...]', '(key:key0 value:string)*'],
    ['key value:integer', 'key:key0 value:integer'],
    ['source destination', 'source:key0 destination:key1'],
    ['key BY pattern@1 STORE destination@2', 'key:key0 BY pattern:pattern1 STORE destination:key2'],
    ['[NX | XX]', '[<NX | XX>]'],
    ['[GET] [COUNT count]', '[GET] [COUNT count:integer]'],
    ['[EX seconds | KEEPTTL]', '[<EX seconds:integer | KEEPTTL>]'],
    ['[LIMIT offset count]', '[LIMIT (offset:integer count:integer)]'],
    ['[start [end [BYTE | BIT]]]', '[(start:integer [(end:integer [<BYTE | BIT>])])]'],
    ['[GET pattern [GET pattern ...]]', '[GET pattern:pattern**]'],
    ['[ID client-id [client-id ...]]', '[ID client-id:integer*]'],
    ['[member [member ...]]', '[member:string*]'],
    ["<'lib-name' name | ip:port>", '<lib-name name:string | ip:port:string>'],
    ['0 | 1', '<0 | 1>'],
    ['<host port | NO ONE>', '<(host:string port:integer) | (NO ONE)>'],
    [
      '[FILTERBY <MODULE name | PATTERN pattern>]',
      '[FILTERBY <MODULE name:string | PATTERN pattern:pattern>]',
    ],
    [
      'GROUP group consumer [NOACK] STREAMS key [key ...] id [id ...]',
      'GROUP (group:string consumer:string) [NOACK] STREAMS (key:key0* id:string*)',
    ],
    [
      '[GET a | [OVERFLOW <WRAP | SAT>] <SET a b | INCRBY c> ' +
        '[GET a | [OVERFLOW <WRAP | SAT>] <SET a b | INCRBY c> ...]]',
      '[<GET a:string | ([OVERFLOW <WRAP | SAT>] <SET (a:string b:string) | INCRBY c:string>)>*]',
    ],
  ])('%s', (syntax, expected) => {
    expect(short(parseSyntax(syntax, 2))).toBe(expected);
  });

  test.each(['[a', 'a ]', '<a | b', 'a [b ...]', 'a b [b a ...]'])('throws on %s', (syntax) => {
    expect(() => parseSyntax(syntax, 0)).toThrow('command syntax');
  });

  test('keys share the last key specification', () => {
    expect(short(parseSyntax('key1 key2', 1))).toBe('key1:key0 key2:key0');
    expect(short(parseSyntax('key', 0))).toBe('key:string');
  });
});

interface Fact {
  readonly name: string;
  readonly arity: number;
  readonly since: string;
  readonly group: string;
  readonly flags?: readonly string[];
  readonly acl_categories: readonly string[];
  readonly arguments?: readonly FactArgument[];
}

interface FactArgument {
  readonly name: string;
  readonly type: string;
  readonly token?: string;
  readonly display?: string;
  readonly display_text?: string;
  readonly key_spec_index?: number;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly multiple_token?: boolean;
  readonly arguments?: readonly FactArgument[];
}

/** Facts of the Redis command set, where they are at hand: not part of this repository. */
const FACTS_FILE =
  process.env.COMMAND_FACTS ??
  join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'commands.json');

/** Arguments that Redis 8.0's facts lack, or that differ on purpose. */
const OTHER_ARGUMENTS: ReadonlyMap<string, string> = new Map([
  ['set', 'IFEQ and its like came with 8.4'],
  ['bitop', 'DIFF, DIFF1, ANDOR and ONE came with 8.2'],
  ['client|kill', 'ID takes several'],
  ['latency|histogram', 'COMMAND would be a token'],
  ['xadd', 'KEEPREF, DELREF and ACKED came with 8.2'],
  ['xtrim', 'KEEPREF, DELREF and ACKED came with 8.2'],
  ['xreadgroup', 'CLAIM came with 8.4'],
  ['zunion', 'AGGREGATE COUNT came with 8.8'],
  ['zinter', 'AGGREGATE COUNT came with 8.8'],
  ['zunionstore', 'AGGREGATE COUNT came with 8.8'],
  ['zinterstore', 'AGGREGATE COUNT came with 8.8'],
]);

/** Flags that COMMAND INFO never shows. */
const HIDDEN_FLAGS: ReadonlySet<string> = new Set([
  'sentinel',
  'only_sentinel',
  'may_replicate',
  'protected',
  'touches_arbitrary_keys',
  'experimental',
  'movablekeys',
]);

/** Flags that differ from Redis's. */
const OTHER_FLAGS: ReadonlyMap<string, string> = new Map([
  ['watch', 'no_multi keeps it out of transactions'],
]);

function asTree(fact: FactArgument): DocArgument {
  return {
    name: fact.display ?? fact.display_text ?? fact.name,
    type: fact.type as DocArgument['type'],
    token: fact.token ?? null,
    keySpecIndex: fact.key_spec_index ?? -1,
    isOptional: fact.optional ?? false,
    isMultiple: fact.multiple ?? false,
    isMultipleToken: fact.multiple_token ?? false,
    children: (fact.arguments ?? []).map(asTree),
  };
}

describe.skipIf(!existsSync(FACTS_FILE))('specs beside the facts of Redis', () => {
  const file = existsSync(FACTS_FILE) ? JSON.parse(readFileSync(FACTS_FILE, 'utf8')) : {};
  const facts = new Map<string, Fact>();
  for (const fact of [...(file.core ?? []), ...(file.newer ?? [])] as Fact[]) {
    facts.set(fact.name.toLowerCase().replace(' ', '|'), fact);
  }
  const known = CommandIndex.of(ALL_COMMANDS).all.filter(({ fullName }) => facts.has(fullName));

  test('most commands are known', () => {
    expect(known.length).toBeGreaterThan(100);
  });

  test.each(known)('$fullName', ({ fullName, spec }) => {
    const fact = facts.get(fullName)!;
    expect(spec.arity).toBe(fact.arity);
    expect(spec.since).toBe(fact.since);
    expect(spec.group).toBe(fact.group.replace('_', '-'));
    const categories = fact.acl_categories.map((category) => category.slice(1));
    expect(aclCategories(spec).sort()).toEqual([...categories].sort());
    const shown = (flags: readonly string[]): string[] =>
      flags.filter((flag) => !HIDDEN_FLAGS.has(flag)).sort();
    if (!OTHER_FLAGS.has(fullName)) {
      expect(shown(spec.flags)).toEqual(shown(fact.flags ?? []));
    }
    if (!OTHER_ARGUMENTS.has(fullName)) {
      expect(short(docArguments(spec))).toBe(short((fact.arguments ?? []).map(asTree)));
    }
  });
});

test('every syntax can be read', () => {
  for (const { spec } of CommandIndex.of(ALL_COMMANDS).all) {
    expect(docArguments(spec).length > 0).toBe(spec.syntax !== '');
  }
});
