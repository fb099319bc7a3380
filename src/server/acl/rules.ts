/** Lists of rules as ACL SETUSER, `user` lines and the ACL file give them. */
import type { RuleError } from './selector.ts';
import type { AclUser } from './user.ts';

/** Rules with every selector in one word; or the word whose parenthesis is never closed. */
export type MergedRules =
  | { readonly rules: readonly string[]; readonly unmatched?: never }
  | { readonly unmatched: string; readonly rules?: never };

/** Joins the words of selectors that were split at their spaces: `(~a +get` `)`. O(bytes). */
export function mergeSelectors(words: readonly string[]): MergedRules {
  const rules: string[] = [];
  let open: string[] | null = null;
  for (const word of words) {
    if (open === null && (!word.startsWith('(') || word.endsWith(')'))) {
      rules.push(word);
      continue;
    }
    open ??= [];
    open.push(word);
    if (open.length === 1 || !word.endsWith(')')) continue;
    rules.push(open.join(' '));
    open = null;
  }
  return open === null ? { rules } : { unmatched: open[0]! };
}

/** A rule that was refused. */
export interface RefusedRule {
  readonly rule: string;
  readonly error: RuleError;
}

/** Carries rules out one after the other; null, or the first that was refused. */
export function applyRules(
  user: AclUser,
  rules: readonly string[],
  allChannels: boolean,
): RefusedRule | null {
  for (const rule of rules) {
    const error = user.apply(rule, allChannels);
    if (error !== null) return { rule, error };
  }
  return null;
}

/** ACL SETUSER's rules on a draft: null, or the error reply's text. The draft is of no use then. */
export function setUserRules(
  draft: AclUser,
  words: readonly string[],
  allChannels: boolean,
): string | null {
  const merged = mergeSelectors(words);
  if (merged.rules === undefined) {
    return `ERR Unmatched parenthesis in acl selector starting at '${merged.unmatched}'.`;
  }
  const refused = applyRules(draft, merged.rules, allChannels);
  if (refused === null) return null;
  return `ERR Error in ACL SETUSER modifier '${refused.rule}': ${refused.error}`;
}
