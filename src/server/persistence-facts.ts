/**
 * Facts about snapshots that INFO shows: doubles in shared memory (SharedLayout.facts), written by
 * main and read by any thread. Times are unix ms, 0 = never; durations -1 = none.
 */
export const FACT = {
  /** Keys in the file of the running snapshot, and keys that there were at its instant. */
  saveKeysProcessed: 0,
  saveKeysTotal: 1,
  /** 1 while an RDB file is written in the background, and when it began. */
  isSaving: 2,
  savingSinceMs: 3,
  isSaveScheduled: 4,
  lastSaveMs: 5,
  /** 1 = the last BGSAVE failed. */
  hasSaveFailed: 6,
  lastSaveSeconds: 7,
  saves: 8,
  /** Sum of the threads' counters of changes at the instant of the last good save. */
  changesBase: 9,
} as const;
