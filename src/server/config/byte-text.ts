// Configuration values are bytes: a password or a key prefix need not be valid UTF-8. The config
// modules hold them as "byte strings", JavaScript strings in which every char code is one byte
// (0..255, Node's 'latin1'), so nothing is lost between the file, CONFIG SET and CONFIG GET.

/** UTF-8 text (a command line argument, a path) as a byte string. */
export function toByteText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A byte string read as UTF-8: for paths handed to the file system and for messages to people. */
export function fromByteText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
