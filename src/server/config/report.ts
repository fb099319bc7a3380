// What the log says once about directives that were given but do nothing (yet).

import { NO_MEANING } from './directive.ts';
import type { ConfigStore } from './store.ts';

/**
 * Tells each directive that is accepted without effect once. One instance, on main, asked after the
 * start and after every CONFIG SET.
 */
export class MeaningReport {
  readonly #told = new Set<string>();

  /** The lines to log. */
  lines(store: ConfigStore): string[] {
    const line = this.noMeaningLine(store);
    return line === null ? [] : [line];
  }

  /** One line that names every such directive not told before, or null. */
  noMeaningLine(store: ConfigStore): string | null {
    const names = store
      .explicitDirectives()
      .filter((directive) => directive.flags & NO_MEANING)
      .map((directive) => directive.name);
    const fresh = this.#fresh(names);
    if (fresh.length === 0) return null;
    return `Accepted for compatibility with Redis, without effect in Tessera: ${fresh.join(', ')}`;
  }

  #fresh(names: readonly string[]): string[] {
    const fresh = names.filter((name) => !this.#told.has(name));
    for (const name of fresh) this.#told.add(name);
    return fresh;
  }
}
