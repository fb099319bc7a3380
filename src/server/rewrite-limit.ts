/**
 * RewriteLimit: after rewrites have failed three times in a row, the next automatic one waits a
 * minute, then two, four, up to an hour: each leaves an incremental file behind.
 */
const FAILURES_FREE = 3;
const DELAY_MINUTES_MAX = 60;
const MINUTE_MS = 60_000;

export class RewriteLimit {
  #delayMinutes = 0;
  #nextMs = 0;

  /** True while no rewrite may start by itself; `log` gets a line when that begins. */
  isLimited(failures: number, nowMs: number, log: (text: string) => void): boolean {
    if (failures < FAILURES_FREE) {
      this.#delayMinutes = 0;
      this.#nextMs = 0;
      return false;
    }
    if (this.#nextMs !== 0) {
      if (nowMs < this.#nextMs) return true;
      this.#nextMs = 0;
      return false;
    }
    this.#delayMinutes = Math.min(DELAY_MINUTES_MAX, this.#delayMinutes * 2 || 1);
    this.#nextMs = nowMs + this.#delayMinutes * MINUTE_MS;
    log(
      'Background AOF rewrite has repeatedly failed and triggered the limit, will retry in ' +
        `${this.#delayMinutes} minutes`,
    );
    return true;
  }
}
