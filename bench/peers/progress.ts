/** Tells on standard error what runs just now, and keeps a failure from ending the other rows. */
import type { Metric } from './results.ts';

export class Progress {
  readonly failures: string[] = [];
  readonly #start = performance.now();

  step(text: string): void {
    const seconds = Math.round((performance.now() - this.#start) / 1000);
    process.stderr.write(`[${String(seconds).padStart(4)} s] ${text}\n`);
  }

  /** Metrics of `body`, or none and a failure on record where it throws. */
  async attempt(name: string, body: () => Promise<readonly Metric[]>): Promise<readonly Metric[]> {
    try {
      return await body();
    } catch (error) {
      const text = `${name}: ${error instanceof Error ? error.message : String(error)}`;
      this.failures.push(text);
      this.step(`FAILED ${text}`);
      return [];
    }
  }
}
