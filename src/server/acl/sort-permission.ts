/**
 * What SORT needs besides permission for its keys: BY and GET patterns name keys after what the
 * list holds, so they need permission to read every key.
 */
import { asciiBytes } from '../../base/bytes.ts';
import type { ArgView } from '../../resp/request-parser.ts';

const ASC = asciiBytes('ASC');
const DESC = asciiBytes('DESC');
const ALPHA = asciiBytes('ALPHA');
const LIMIT = asciiBytes('LIMIT');
const BY = asciiBytes('BY');
const GET = asciiBytes('GET');
const STORE = asciiBytes('STORE');
const STAR = 0x2a;

/**
 * The error that SORT or SORT_RO replies to a user who may not read every key, or null where its
 * arguments name no other keys, or are wrong.
 */
export function sortDenial(args: ArgView): string | null {
  for (let i = 2; i < args.count; i++) {
    const left = args.count - i - 1;
    if (left >= 1 && args.equalsIgnoreCase(i, GET)) return denied('GET');
    if (left >= 1 && args.equalsIgnoreCase(i, BY)) {
      if (args.buf.subarray(args.offset[i + 1]!, args.end(i + 1)).includes(STAR)) {
        return denied('BY');
      }
      i += 1;
    } else if (left >= 1 && args.equalsIgnoreCase(i, STORE)) i += 1;
    else if (left >= 2 && args.equalsIgnoreCase(i, LIMIT)) i += 2;
    else if (![ASC, DESC, ALPHA].some((word) => args.equalsIgnoreCase(i, word))) return null;
  }
  return null;
}

function denied(option: string): string {
  return `ERR ${option} option of SORT denied due to insufficient ACL permissions.`;
}
