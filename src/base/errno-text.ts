// The C library's wording of system errors. Redis shows strerror() texts to its users and in error
// replies; Node's own messages are worded differently ("no such file or directory, open '…'").

const TEXTS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EEXIST: 'File exists',
  EFBIG: 'File too large',
  EINVAL: 'Invalid argument',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  EMFILE: 'Too many open files',
  ENAMETOOLONG: 'File name too long',
  ENFILE: 'Too many open files in system',
  ENOENT: 'No such file or directory',
  ENOMEM: 'Cannot allocate memory',
  ENOSPC: 'No space left on device',
  ENOTDIR: 'Not a directory',
  EPERM: 'Operation not permitted',
  EROFS: 'Read-only file system',
};

/** The `code` of a Node system error ("ENOENT"), or '' for anything else that was thrown. */
export function errnoCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** What strerror() says for a Node system error; for anything else the error's own message. */
export function errnoText(error: unknown): string {
  const text = TEXTS[errnoCode(error)];
  if (text !== undefined) return text;
  return error instanceof Error ? error.message : String(error);
}

const CODES = Object.keys(TEXTS);
const OTHER_TEXT = 'Input/output error';

/** A system error as a number other than 0, for shared memory. */
export function errnoNumber(error: unknown): number {
  return CODES.indexOf(errnoCode(error)) + 1 || CODES.length + 1;
}

/** The text of what `errnoNumber` answered. */
export function errnoNumberText(number: number): string {
  return TEXTS[CODES[number - 1] ?? ''] ?? OTHER_TEXT;
}
