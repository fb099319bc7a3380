import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isLoopbackAddress,
  parseBindAddress,
  tcpEndpoint,
  tcpListenError,
} from '../../src/transport/endpoint.ts';
import { ipv6Bytes, ipv6Text } from '../../src/transport/uring-listen.ts';

describe('endpoint', () => {
  test.each([
    ['*', { text: '*', host: '0.0.0.0', optional: false }],
    ['-::*', { text: '::*', host: '::', optional: true }],
    ['-::1', { text: '::1', host: '::1', optional: true }],
    ['127.0.0.1', { text: '127.0.0.1', host: '127.0.0.1', optional: false }],
    ['localhost', { text: 'localhost', host: 'localhost', optional: false }],
  ])('bind word %s', (word, expected) => {
    expect(parseBindAddress(word)).toEqual(expected);
  });

  test.each([
    ['127.0.0.1', true],
    ['127.255.0.9', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['10.0.0.1', false],
    ['::2', false],
    ['128.127.0.1', false],
  ])('loopback %s: %s', (ip, expected) => {
    expect(isLoopbackAddress(ip)).toBe(expected);
  });

  test('prints IPv6 in brackets', () => {
    expect(tcpEndpoint('127.0.0.1', 5000).text).toBe('127.0.0.1:5000');
    expect(tcpEndpoint('::1', 5000).text).toBe('[::1]:5000');
    expect(tcpListenError('::1', 1, 'bind', 'EADDRINUSE', -98).message).toBe(
      'Could not create server TCP listening socket [::1]:1: bind: Address already in use',
    );
  });

  test.each([
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fe80::1:0:0:2', 'fe800000000000000001000000000002'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:1.2.3.4', '00000000000000000000ffff01020304'],
    ['2001:db8::', '20010db8000000000000000000000000'],
  ])('bytes of %s', (text, hex) => {
    expect(Buffer.from(ipv6Bytes(text)).toString('hex')).toBe(hex);
  });

  test('IPv6 text agrees with the URL standard and reads back', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const bytes = Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 255]));
        const text = ipv6Text(bytes);
        const full = groups.map((value) => value.toString(16)).join(':');
        expect(`[${text}]`).toBe(new URL(`http://[${full}]/`).hostname);
        expect(ipv6Bytes(text)).toEqual(bytes);
      }),
    );
  });
});
