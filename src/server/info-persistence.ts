/** INFO's persistence section, from the facts that main keeps in shared memory. */
import { aofInfo } from './aof-facts.ts';
import type { InfoPersistence } from './info-snapshot.ts';
import { loadInfo } from './load-facts.ts';
import { FACT } from './persistence-facts.ts';
import type { ThreadParts } from './thread-setup.ts';

/** What INFO shows now; `changes` is the number of changes since the start. */
export function infoPersistence(
  { layout }: ThreadParts,
  nowMs: number,
  changes: number,
): InfoPersistence {
  const { facts } = layout;
  const isSaving = facts[FACT.isSaving] !== 0;
  const sinceMs = facts[FACT.savingSinceMs]!;
  return {
    ...loadInfo(facts, layout.isLoading, nowMs),
    saveKeysProcessed: facts[FACT.saveKeysProcessed]!,
    saveKeysTotal: facts[FACT.saveKeysTotal]!,
    changesSinceSave: Math.max(0, changes - facts[FACT.changesBase]!),
    isSaving,
    lastSaveUnixSeconds: Math.floor(facts[FACT.lastSaveMs]! / 1000),
    isLastSaveOk: facts[FACT.hasSaveFailed] === 0,
    lastSaveSeconds: facts[FACT.lastSaveSeconds]!,
    currentSaveSeconds: isSaving ? Math.floor(Math.max(0, nowMs - sinceMs) / 1000) : -1,
    saves: facts[FACT.saves]!,
    ...aofInfo(facts, nowMs),
  };
}
