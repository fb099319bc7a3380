/**
 * Facts about the append-only file that INFO shows, in the shared facts (SharedLayout.facts). The
 * durability thread writes those of its file, main all others.
 */
import type { InfoPersistence } from './info-snapshot.ts';

export const AOF_FACT = {
  /** 0, or one of the AOF_IS constants. */
  isEnabled: 24,
  isRewriting: 25,
  isScheduled: 26,
  /** Seconds + 1 that the last rewrite took; 0 = there was none. */
  lastRewriteSeconds: 27,
  /** Unix ms. */
  rewriteStartMs: 28,
  isLastRewriteBad: 29,
  rewrites: 30,
  rewriteFailures: 31,
  /** Number of the error that keeps the thread from writing (errnoNumber); 0 = it can write. */
  writeError: 32,
  /** Bytes of the files before the one that is written. */
  otherBytes: 33,
  /** Bytes of the file that is written. */
  fileBytes: 34,
  /** What all files had after the last rewrite. */
  rewriteBaseBytes: 35,
  bufferBytes: 36,
  pendingSyncs: 37,
  delayedSyncs: 38,
  /** Those before the last CONFIG RESETSTAT. */
  delayedSyncsBefore: 39,
} as const;

/** What is written counts. */
export const AOF_IS_ON = 1;
/** What was there before it was turned on is not in it yet. */
export const AOF_IS_WAITING = 2;

type AofInfo = Pick<
  InfoPersistence,
  | 'isAofEnabled'
  | 'isAofRewriting'
  | 'isAofRewriteScheduled'
  | 'lastAofRewriteSeconds'
  | 'currentAofRewriteSeconds'
  | 'isLastAofRewriteOk'
  | 'aofRewrites'
  | 'aofRewriteFailures'
  | 'isLastAofWriteOk'
  | 'aofBytes'
  | 'aofBaseBytes'
  | 'aofBufferBytes'
  | 'aofPendingFsyncs'
  | 'aofDelayedFsyncs'
>;

/** The facts as INFO's persistence section has them. */
export function aofInfo(facts: Float64Array, nowMs: number): AofInfo {
  const isRewriting = facts[AOF_FACT.isRewriting] !== 0;
  const rewriteMs = nowMs - facts[AOF_FACT.rewriteStartMs]!;
  return {
    isAofEnabled: facts[AOF_FACT.isEnabled] !== 0,
    isAofRewriting: isRewriting,
    isAofRewriteScheduled: facts[AOF_FACT.isScheduled] !== 0,
    lastAofRewriteSeconds: facts[AOF_FACT.lastRewriteSeconds]! - 1,
    currentAofRewriteSeconds: isRewriting ? Math.max(0, Math.floor(rewriteMs / 1000)) : -1,
    isLastAofRewriteOk: facts[AOF_FACT.isLastRewriteBad] === 0,
    aofRewrites: facts[AOF_FACT.rewrites]!,
    aofRewriteFailures: facts[AOF_FACT.rewriteFailures]!,
    isLastAofWriteOk: facts[AOF_FACT.writeError] === 0,
    aofBytes: facts[AOF_FACT.otherBytes]! + facts[AOF_FACT.fileBytes]!,
    aofBaseBytes: facts[AOF_FACT.rewriteBaseBytes]!,
    aofBufferBytes: facts[AOF_FACT.bufferBytes]!,
    aofPendingFsyncs: facts[AOF_FACT.pendingSyncs]!,
    aofDelayedFsyncs: facts[AOF_FACT.delayedSyncs]! - facts[AOF_FACT.delayedSyncsBefore]!,
  };
}
