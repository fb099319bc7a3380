// Words in quotes, as configuration files, manifests and log lines have them.

/** A byte string in double quotes: printable ASCII as it is, the rest escaped. O(length). */
export function quoteArgument(value: string): string {
  let result = '"';
  for (const character of value) {
    const code = character.charCodeAt(0);
    if (character === '"' || character === '\\') result += '\\' + character;
    else if (code >= 0x20 && code <= 0x7e) result += character;
    else result += escapeUnprintable(code);
  }
  return result + '"';
}

function escapeUnprintable(code: number): string {
  if (code === 0x0a) return '\\n';
  if (code === 0x0d) return '\\r';
  if (code === 0x09) return '\\t';
  if (code === 0x08) return '\\b';
  if (code === 0x07) return '\\a';
  return '\\x' + code.toString(16).padStart(2, '0');
}
