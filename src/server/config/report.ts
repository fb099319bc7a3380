// What the log says once about directives that were given but do nothing (yet).

import { NO_MEANING } from './directive.ts';
import type { ConfigStore } from './store.ts';

/**
 * Tells each directive that is accepted without effect once. One instance, on main, asked after the
 * start and after every CONFIG SET.
 */
export class MeaningReport {
  readonly #told = new Set<string>();

  /** The lines to log (level notice for Redis's directives, warning for lost durability). */
  lines(store: ConfigStore): string[] {
    return [this.noMeaningLine(store), this.durabilityLine(store)].filter((line) => line !== null);
  }

  /** One line that names every such directive not told before, or null. */
  noMeaningLine(store: ConfigStore): string | null {
    const names = store
      .explicitDirectives()
      .filter((directive) => directive.flags & NO_MEANING)
      .map((directive) => directive.name);
    if (store.users.length > 0) names.push('user');
    const fresh = this.#fresh(names);
    if (fresh.length === 0) return null;
    return `Accepted for compatibility with Redis, without effect in Tessera: ${fresh.join(', ')}`;
  }

  /** One line when somebody asked for persistence, which does not exist yet, or null. */
  durabilityLine(store: ConfigStore): string | null {
    const asked: string[] = [];
    if (store.isExplicit('appendonly') && store.bool('appendonly')) asked.push('appendonly');
    const fresh = this.#fresh(asked);
    if (fresh.length === 0) return null;
    const names = fresh.join(' and ');
    return `Tessera does not write to disk yet: ${names} kept as set, but data is lost at the end`;
  }

  #fresh(names: readonly string[]): string[] {
    const fresh = names.filter((name) => !this.#told.has(name));
    for (const name of fresh) this.#told.add(name);
    return fresh;
  }
}
