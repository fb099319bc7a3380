/** Plays scenarios of clients that wait for each other; blocking-scenarios.ts has their syntax. */
import { encodeCommand, RawClient } from '../support/raw-client.ts';
import { waitUntil } from '../support/tessera.ts';

/** Clients of one scenario, with one that looks on. */
class Stage {
  readonly #port: number;
  readonly #clients = new Map<string, RawClient>();
  readonly #ids = new Map<string, string>();
  readonly #control: RawClient;
  #blocked = 0;

  private constructor(port: number, control: RawClient) {
    this.#port = port;
    this.#control = control;
  }

  static async open(port: number): Promise<Stage> {
    const stage = new Stage(port, await RawClient.connect(port));
    await stage.#control.command(['FLUSHALL']);
    return stage;
  }

  async #client(name: string): Promise<RawClient> {
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = await RawClient.connect(this.#port);
      this.#clients.set(name, client);
      this.#ids.set(name, (await client.command(['CLIENT', 'ID'])).slice(1, -2));
    }
    return client;
  }

  async #untilBlocked(count: number): Promise<void> {
    this.#blocked = count;
    await waitUntil(`${count} blocked clients`, async () => {
      const info = await this.#control.command(['INFO', 'clients']);
      return info.includes(`blocked_clients:${count}\r\n`);
    });
  }

  /** Runs the steps; what was replied, in order. */
  async play(steps: string): Promise<string[]> {
    const replies: string[] = [];
    for (const step of steps.split('|')) {
      const client = await this.#client(step[0]!);
      const text = step.slice(2).trim();
      const words = text
        .replace(/id\((.)\)/g, (_, name: string) => this.#ids.get(name)!)
        .split(' ');
      if (step[1] === '>') replies.push(`${step}\t${await client.command(words)}`);
      else if (step[1] === '<') {
        replies.push(`${step}\t${await client.readReply()}`);
        if (this.#blocked > 0) this.#blocked -= 1;
      } else if (step[1] === '!') {
        client.close();
        await this.#untilBlocked(this.#blocked - 1);
      } else {
        client.send(encodeCommand(words));
        if (step[1] === ':') await this.#untilBlocked(this.#blocked + 1);
      }
    }
    return replies;
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    this.#control.close();
  }
}

/**
 * Plays the steps on the server at `port`, which is emptied first. Returns each step that has a
 * reply, a tab and the reply.
 */
export async function transcript(port: number, steps: string): Promise<string[]> {
  const stage = await Stage.open(port);
  try {
    return await stage.play(steps);
  } finally {
    await stage.close();
  }
}
