/** The names of threads: in `top -H`, in the kernel's /proc, and in reports. */
import type { SharedLayout } from './shared-layout.ts';

/** `main`, `io0`, `shard1`, `durability`: at most 15 characters, which is what Linux keeps. */
export function threadName(layout: SharedLayout, thread: number): string {
  if (thread === 0) return 'main';
  if (thread < layout.workerThread(0)) return `io${thread - 1}`;
  if (thread < layout.threadCount) return `shard${thread - layout.workerThread(0)}`;
  if (thread === layout.durabilityThread) return 'durability';
  return thread === layout.snapshotThread ? 'snapshot' : 'loader';
}
