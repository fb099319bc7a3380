import type { InfoPersistence } from './info-snapshot.ts';

/** Where INFO's facts about loading stand among the facts that all threads share. */
export const LOAD_FACT = {
  /** Unix ms. */
  startMs: 48,
  totalBytes: 49,
  loadedBytes: 50,
  /** Memory that the server which wrote the file used then. */
  usedMemory: 51,
  /** Of the last load. */
  keysLoaded: 52,
  keysExpired: 53,
} as const;

/** What INFO says about loading. */
export function loadInfo(
  facts: Float64Array,
  isLoading: boolean,
  nowMs: number,
): Pick<
  InfoPersistence,
  | 'isLoading'
  | 'loadStartSeconds'
  | 'loadTotalBytes'
  | 'loadUsedMemory'
  | 'loadLoadedBytes'
  | 'loadEtaSeconds'
  | 'loadedKeys'
  | 'loadedKeysExpired'
> {
  const total = facts[LOAD_FACT.totalBytes]!;
  const loaded = facts[LOAD_FACT.loadedBytes]!;
  const startMs = facts[LOAD_FACT.startMs]!;
  const seconds = Math.max(0, (nowMs - startMs) / 1000);
  return {
    isLoading,
    loadStartSeconds: Math.floor(startMs / 1000),
    loadTotalBytes: total,
    loadUsedMemory: facts[LOAD_FACT.usedMemory]!,
    loadLoadedBytes: loaded,
    loadEtaSeconds: loaded === 0 ? 1 : Math.floor((seconds * (total - loaded)) / loaded),
    loadedKeys: facts[LOAD_FACT.keysLoaded]!,
    loadedKeysExpired: facts[LOAD_FACT.keysExpired]!,
  };
}
