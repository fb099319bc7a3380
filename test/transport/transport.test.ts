import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { floodBytes } from './flood.ts';
import { Client, Fixture, type FixtureSettings, variants } from './harness.ts';

describe.each(variants)('transport: $name', (variant) => {
  const fixtures: Fixture[] = [];
  const clients: Client[] = [];

  async function start(settings: FixtureSettings = {}): Promise<Fixture> {
    const fixture = await Fixture.start(variant, settings);
    fixtures.push(fixture);
    return fixture;
  }

  async function connect(fixture: Fixture): Promise<Client> {
    const client = await Client.connect({ port: fixture.port, host: '127.0.0.1' });
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    for (const fixture of fixtures.splice(0)) {
      const { faults } = await fixture.report();
      await fixture.stop();
      expect(faults).toEqual([]);
    }
  });

  test('echoes exactly, to the right connection', async () => {
    const fixture = await start();
    const sizes = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(sizes, { minLength: 1, maxLength: 12 }), async (plan) => {
        const group = await Promise.all(plan.map(() => connect(fixture)));
        const sent = plan.map((chunks) => chunks.map((bytes) => randomBytes(bytes)));
        for (let round = 0; round < 6; round++) {
          group.forEach((client, i) => {
            const chunk = sent[i]![round];
            if (chunk !== undefined) client.socket.write(chunk);
          });
          await new Promise((resolve) => setImmediate(resolve));
        }
        for (const [i, client] of group.entries()) {
          const expected = Buffer.concat(sent[i]!);
          await client.until((c) => c.receivedBytes >= expected.length);
          expect(client.received().equals(expected)).toBe(true);
          client.socket.destroy();
        }
      }),
      { numRuns: 15 },
    );
    const { opens } = await fixture.report();
    await fixture.until((report) => report.closes === opens);
  });

  test('many connections at once, and their indexes are reused', async () => {
    const fixture = await start();
    const count = 300;
    for (let round = 0; round < 3; round++) {
      const group = await Promise.all(Array.from({ length: count }, () => connect(fixture)));
      group.forEach((client, i) => {
        client.socket.write(`hello ${round} ${i}\n`);
      });
      for (const [i, client] of group.entries()) {
        const expected = `hello ${round} ${i}\n`;
        await client.until((c) => c.receivedBytes >= expected.length);
        expect(client.received().toString()).toBe(expected);
      }
      for (const client of group) client.socket.destroy();
      const report = await fixture.until((r) => r.closes === (round + 1) * count);
      expect(report.connMax).toBeLessThan(count);
      expect(report.live).toEqual([]);
    }
  });

  test('a reader that is slow gets every byte, and the backlog is reported', async () => {
    const fixture = await start();
    const client = await connect(fixture);
    await fixture.until((report) => report.live.length === 1);
    client.socket.pause();
    const bytes = 24 * 1024 * 1024;
    fixture.tell({ op: 'flood', bytes });
    const report = await fixture.until((r) => r.backlogBytes > 0);
    expect(report.backlogBytes).toBeLessThanOrEqual(bytes);
    client.socket.resume();
    await client.until((c) => c.receivedBytes >= bytes);
    expect(client.received().equals(floodBytes(bytes))).toBe(true);
    const after = await fixture.until((r) => r.backlogBytes === 0);
    expect(after.drains).toBeGreaterThan(0);
  });

  test('small replies into a full socket arrive in order', async () => {
    const fixture = await start();
    const client = await connect(fixture);
    await fixture.until((report) => report.live.length === 1);
    client.socket.pause();
    const piece = 'x'.repeat(999) + '\n';
    let sentBytes = 0;
    let backlogBytes = 0;
    for (let i = 0; backlogBytes < 100_000; i++) {
      const text = `${i}${piece}`;
      fixture.tell({ op: 'say', text: text.repeat(20) });
      sentBytes += 20 * text.length;
      backlogBytes = (await fixture.report()).backlogBytes;
    }
    client.socket.resume();
    await client.until((c) => c.receivedBytes >= sentBytes);
    let expected = 0;
    let seen = 0;
    for (const line of client.received().toString().split('\n').slice(0, -1)) {
      expect(line.startsWith(`${expected}x`)).toBe(true);
      if (++seen % 20 === 0) expected++;
    }
    expect(client.receivedBytes).toBe(sentBytes);
  });

  test('what is hurried arrives once, with what was queued before and after it', async () => {
    const fixture = await start();
    const clients = [await connect(fixture), await connect(fixture), await connect(fixture)];
    await fixture.until((report) => report.live.length === 3);
    for (const hurries of [undefined, true, true, undefined] as const) {
      fixture.tell({ op: 'say', text: hurries ? 'soon,' : 'then,', ...(hurries && { hurries }) });
    }
    for (const client of clients) {
      await client.until((c) => c.receivedBytes >= 20);
      client.socket.write('end');
      await client.until((c) => c.receivedBytes >= 23);
      expect(client.received().toString()).toBe('then,soon,soon,then,end');
    }
  });

  test('a client that never reads can be cut', async () => {
    const fixture = await start();
    const client = await connect(fixture);
    await fixture.until((report) => report.live.length === 1);
    client.socket.pause();
    fixture.tell({ op: 'flood', bytes: 32 * 1024 * 1024 });
    await fixture.until((report) => report.backlogBytes > 0);
    fixture.tell({ op: 'close', now: true });
    const report = await fixture.until((r) => r.closes === 1);
    expect(report.backlogBytes).toBe(0);
  });

  test('close sends what is queued first', async () => {
    const fixture = await start();
    const client = await connect(fixture);
    await fixture.until((report) => report.live.length === 1);
    const bytes = 8 * 1024 * 1024;
    fixture.tell({ op: 'flood', bytes });
    fixture.tell({ op: 'close', now: false });
    await client.until((c) => c.hasEnded);
    expect(client.received().equals(floodBytes(bytes))).toBe(true);
    client.socket.end();
    await fixture.until((report) => report.closes === 1);
  });

  test('a half-closed client still gets its replies', async () => {
    const fixture = await start();
    const client = await connect(fixture);
    const sent = randomBytes(300_000);
    client.socket.end(sent);
    await client.until((c) => c.hasEnded);
    expect(client.received().equals(sent)).toBe(true);
    const report = await fixture.until((r) => r.closes === 1);
    expect(report.ends).toBe(1);
  });

  test('a half-closed client is kept while replies are to come', async () => {
    const fixture = await start({ keepsEnded: true });
    const client = await connect(fixture);
    client.socket.end('ask');
    await fixture.until((report) => report.ends === 1);
    fixture.tell({ op: 'say', text: ' and answer' });
    await client.until((c) => c.receivedBytes === 14);
    fixture.tell({ op: 'close', now: false });
    await client.until((c) => c.hasEnded);
    expect(client.received().toString()).toBe('ask and answer');
    await fixture.until((report) => report.closes === 1);
  });

  test('resets are reported once each', async () => {
    const fixture = await start();
    const group = await Promise.all(Array.from({ length: 50 }, () => connect(fixture)));
    for (const client of group) client.socket.write(randomBytes(2000));
    for (const client of group) client.socket.resetAndDestroy();
    const report = await fixture.until((r) => r.closes === 50);
    expect(report.opens).toBe(50);
  });

  test('a paused connection delivers nothing until it is resumed', async () => {
    const fixture = await start();
    const client = await connect(fixture);
    client.socket.write('before');
    await client.until((c) => c.receivedBytes === 6);
    fixture.tell({ op: 'pause', paused: true });
    await fixture.report();
    const sent = randomBytes(200_000);
    client.socket.write(sent);
    await new Promise((resolve) => client.socket.write('', resolve));
    for (let i = 0; i < 20; i++) {
      const { receivedBytes } = await fixture.report();
      expect(receivedBytes).toBe(6);
    }
    fixture.tell({ op: 'pause', paused: false });
    await client.until((c) => c.receivedBytes === 6 + sent.length);
    expect(client.received().subarray(6).equals(sent)).toBe(true);
    for (let i = 0; i < 20; i++) fixture.tell({ op: 'pause', paused: i % 2 === 0 });
    client.socket.end('after');
    await client.until((c) => c.hasEnded);
    expect(client.receivedBytes).toBe(6 + sent.length + 5);
  });

  test('refuses with its last words', async () => {
    const fixture = await start({ refusal: '-ERR max number of clients reached\r\n' });
    const client = await connect(fixture);
    await client.until((c) => c.hasEnded);
    expect(client.received().toString()).toBe('-ERR max number of clients reached\r\n');
    client.socket.destroy();
    const report = await fixture.report();
    expect(report.closes).toBe(0);
  });

  test('names the address that is in use', async () => {
    const fixture = await start();
    await expect(Fixture.start(variant, { listen: { port: fixture.port } })).rejects.toThrow(
      `Could not create server TCP listening socket 127.0.0.1:${fixture.port}: ` +
        'bind: Address already in use',
    );
  });

  test('several threads share a port with reusePort', async () => {
    const first = await start({ listen: { reusePort: true } });
    const second = await start({ listen: { reusePort: true, port: first.port } });
    const group = await Promise.all(Array.from({ length: 40 }, () => connect(first)));
    for (const client of group) client.socket.write('hello');
    for (const client of group) await client.until((c) => c.receivedBytes === 5);
    const opens = (await first.report()).opens + (await second.report()).opens;
    expect(opens).toBe(40);
  });

  test('knows the two ends of a connection, IPv4 and IPv6', async () => {
    const fixture = await start({ listen: { bind: ['127.0.0.1', '-::1', '-203.0.113.1'] } });
    const client = await connect(fixture);
    const { live } = await fixture.until((report) => report.live.length === 1);
    expect(live[0]).toEqual({
      peer: { kind: 'tcp', text: `127.0.0.1:${client.socket.localPort}`, isLoopback: true },
      local: { kind: 'tcp', text: `127.0.0.1:${fixture.port}`, isLoopback: true },
    });
    const six = await Client.connect({ port: fixture.port, host: '::1' }).catch(() => undefined);
    if (six === undefined) return;
    clients.push(six);
    const both = await fixture.until((report) => report.live.length === 2);
    expect(both.live[1]!.peer.text).toBe(`[::1]:${six.socket.localPort}`);
    expect(both.live[1]!.peer.isLoopback).toBe(true);
  });

  test('serves a Unix socket with its file mode, and removes it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tessera-'));
    const path = join(folder, 'server.sock');
    try {
      const fixture = await start({
        listen: { port: 0, unixSocket: path, unixSocketPerm: 0o700 },
      });
      expect(statSync(path).mode & 0o777).toBe(0o700);
      const client = await Client.connect({ path });
      clients.push(client);
      client.socket.write('hello');
      await client.until((c) => c.receivedBytes === 5);
      const { live } = await fixture.report();
      expect(live[0]!.peer).toEqual({ kind: 'unix', text: path, isLoopback: true });
      fixture.tell({ op: 'unlisten' });
      await fixture.report();
      await expect(Client.connect({ path })).rejects.toThrow();
      expect(existsSync(path)).toBe(false);
      client.socket.write('again');
      await client.until((c) => c.receivedBytes === 10);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('wakes, ticks and ends its turns', async () => {
    const fixture = await start();
    await connect(fixture);
    const before = await fixture.report();
    fixture.ring();
    const after = await fixture.until((r) => r.ticks >= before.ticks + 2);
    expect(after.wakes).toBeGreaterThan(before.wakes);
    expect(after.turns).toBeGreaterThan(before.turns);
  });

  test('in a chaos of resets, pauses and closes no byte reaches another connection', async () => {
    const fixture = await start();
    const action = fc.record({
      kind: fc.constantFrom('open', 'write', 'write', 'stall', 'reset', 'end', 'pause', 'cut'),
      which: fc.nat(1000),
      bytes: fc.integer({ min: 1, max: 60_000 }),
    });
    let nextMark = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 60 }), async (plan) => {
        const marks = new Map<Client, number>();
        const group: Client[] = [];
        let isPaused = false;
        for (const { kind, which, bytes } of plan) {
          if (kind === 'open' || group.length === 0) {
            const client = await connect(fixture);
            marks.set(client, nextMark++ & 255);
            group.push(client);
          }
          const client = group[which % group.length]!;
          const { socket } = client;
          if (kind === 'write' && socket.writable) {
            socket.write(Buffer.alloc(bytes, marks.get(client)));
          } else if (kind === 'stall') {
            if (socket.isPaused()) socket.resume();
            else socket.pause();
          } else if (kind === 'reset') {
            socket.resetAndDestroy();
          } else if (kind === 'end') {
            socket.end();
          } else if (kind === 'pause') {
            isPaused = !isPaused;
            fixture.tell({ op: 'pause', paused: isPaused });
          } else if (kind === 'cut' && which % 4 === 0) {
            fixture.tell({ op: 'close', now: which % 8 === 0 });
          }
          if (which % 3 === 0) await fixture.report();
        }
        fixture.tell({ op: 'pause', paused: false });
        for (const client of group) client.socket.destroy();
        const { opens } = await fixture.report();
        await fixture.until((report) => report.closes === report.opens && opens > 0);
        for (const client of group) {
          const mark = marks.get(client)!;
          expect(client.received().every((byte) => byte === mark)).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('stop closes listeners and connections', async () => {
    const fixture = await Fixture.start(variant);
    const client = await connect(fixture);
    client.socket.write('hello');
    await client.until((c) => c.receivedBytes === 5);
    await fixture.stop();
    await client.until((c) => c.hasEnded || c.isClosed);
    await expect(Client.connect({ port: fixture.port, host: '127.0.0.1' })).rejects.toThrow();
  });
});
