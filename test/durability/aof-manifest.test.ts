import { describe, expect, test } from 'vitest';
import { AofManifest, ManifestError } from '../../src/durability/aof-manifest.ts';
import { withRandom } from '../support/random.ts';

const GOOD: readonly (readonly [string, string])[] = [
  ['file a.1.base.rdb seq 1 type b\n', 'file a.1.base.rdb seq 1 type b\n'],
  ['file a.1.incr.aof seq 1 type i\n', 'file a.1.incr.aof seq 1 type i\n'],
  // Base first, then history, then increments; what is unknown is left out.
  [
    '# comment\nfile i1 seq 1 type i\nfile h seq 7 type h more x\nseq 2 type i file i2\n' +
      'file b seq 3 type b\n',
    'file b seq 3 type b\nfile h seq 7 type h\nfile i1 seq 1 type i\nfile i2 seq 2 type i\n',
  ],
  ['FILE a SEQ 1 TYPE b\r\n', 'file a seq 1 type b\n'],
  [
    'file " file seq \\n\\n.aof .1.base.rdb" seq 1 type b\n',
    'file " file seq \\n\\n.aof .1.base.rdb" seq 1 type b\n',
  ],
  ['file "\\xff\\x00" seq 1 type b\n', 'file "\\xff\\x00" seq 1 type b\n'],
];

const FORMAT = 'Invalid AOF manifest file format';
const BAD: readonly (readonly [string, string, number])[] = [
  ['', 'Found an empty AOF manifest', 0],
  ['file a seq 1 type b', 'The AOF manifest file contains too long line', 0],
  [`file ${'a'.repeat(1024)} seq 1 type b\n`, 'The AOF manifest file contains too long line', 0],
  ['\n', FORMAT, 1],
  ['file a seq 1 type i\n\nfile b seq 2 type i\n', FORMAT, 2],
  ['!!!\n', FORMAT, 1],
  ['file a seq 1\n', FORMAT, 1],
  ['file a seq 1 type b more\n', FORMAT, 1],
  ['file a seq 1 kind b\n', FORMAT, 1],
  ['file a seq x type b\n', FORMAT, 1],
  ['file a seq 0 type b\n', FORMAT, 1],
  ['file "" seq 1 type b\n', FORMAT, 1],
  ['file "a seq 1 type b\n', FORMAT, 1],
  ['file a/b seq 1 type b\n', "File can't be a path, just a filename", 1],
  ['file a seq 1 type x\n', 'Unknown AOF file type', 1],
  ['file a seq 1 type b\nfile b seq 2 type b\n', 'Found duplicate base file information', 2],
  ['file a seq 2 type i\nfile b seq 1 type i\n', 'Found a non-monotonic sequence number', 2],
  ['file a seq 2 type i\nfile b seq 2 type i\n', 'Found a non-monotonic sequence number', 2],
];

test.each(GOOD)('reads and writes %j', (text, written) => {
  expect(AofManifest.parse(text).format()).toBe(written);
});

test.each(BAD)('refuses %j', (text, message, lineNumber) => {
  let thrown: unknown = null;
  try {
    AofManifest.parse(text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ManifestError);
  expect((thrown as ManifestError).message).toBe(message);
  expect((thrown as ManifestError).lineNumber).toBe(lineNumber);
});

describe('sequence numbers', () => {
  test('go on from what was read', () => {
    const manifest = AofManifest.parse(
      'file a.3.base.rdb seq 3 type b\nfile a.8.incr.aof seq 8 type i\n',
    );
    const next = manifest.copy();
    next.addIncr('a');
    next.addBase('a', false);
    next.retireIncr(true);
    expect(next.format()).toBe(
      'file a.4.base.aof seq 4 type b\nfile a.8.incr.aof seq 8 type h\n' +
        'file a.3.base.rdb seq 3 type h\nfile a.9.incr.aof seq 9 type i\n',
    );
    expect(manifest.format()).toBe(
      'file a.3.base.rdb seq 3 type b\nfile a.8.incr.aof seq 8 type i\n',
    );
  });

  test('history is newest first, as Redis has it', () => {
    const manifest = AofManifest.parse(
      'file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\n',
    );
    for (let i = 0; i < 2; i++) {
      manifest.addIncr('a');
      manifest.addBase('a', true);
      manifest.retireIncr(true);
    }
    expect(manifest.format()).toBe(
      'file a.3.base.rdb seq 3 type b\nfile a.2.incr.aof seq 2 type h\n' +
        'file a.2.base.rdb seq 2 type h\nfile a.1.incr.aof seq 1 type h\n' +
        'file a.1.base.rdb seq 1 type h\nfile a.3.incr.aof seq 3 type i\n',
    );
  });

  test('without increments left when the log is off', () => {
    const manifest = AofManifest.parse('file a.1.incr.aof seq 1 type i\n');
    manifest.addBase('a', true);
    manifest.retireIncr(false);
    expect(manifest.format()).toBe(
      'file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type h\n',
    );
  });
});

test('flipped bytes: a manifest or an error of its own, always', async () => {
  const text =
    'file a.3.base.rdb seq 3 type b\nfile "a b" seq 7 type h\nfile a.8.incr.aof seq 8 type i\n';
  await withRandom(async (random) => {
    let bad = 0;
    for (let i = 0; i < 2000; i++) {
      const bytes = Buffer.from(text, 'latin1');
      const at = random.below(bytes.length);
      bytes[at] = bytes[at]! ^ (1 + random.below(255));
      try {
        const manifest = AofManifest.parse(bytes.toString('latin1'));
        expect(AofManifest.parse(manifest.format()).format()).toBe(manifest.format());
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        bad += 1;
      }
    }
    expect(bad).toBeGreaterThan(100);
  });
});
