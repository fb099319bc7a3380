/**
 * Commands of Redis 8 that Tessera does not have (yet). ACL rules may name them, so that the users
 * of a Redis server can be taken over as they are; they allow and forbid nothing.
 */

/** Sub-commands in brackets behind their container. */
const NAMES = `
  backup[abort cleanup help list seal start status] sflush trimslots
  arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems arlen armget armset
  arnext arop arring arscan arseek arset
  cluster[syncslots]
  eval eval_ro evalsha evalsha_ro fcall fcall_ro
  function[delete dump flush help kill list load restore stats]
  script[debug exists flush help kill load show]
`;

/** Every name, sub-commands as `script|load`. */
export const OTHER_COMMANDS: ReadonlySet<string> = new Set(
  [...NAMES.matchAll(/([\w-]+)(?:\[([^\]]*)\])?/g)].flatMap(([, name, inner]) => [
    name!,
    ...(inner ?? '')
      .split(/\s+/)
      .filter((sub) => sub !== '')
      .map((sub) => `${name}|${sub}`),
  ]),
);
