/** Readers of the kinds of work that shard workers do in parts. */
import { KIND_SETS, KIND_ZSETS, type WorkReader } from './parted-work.ts';
import { SetWalk } from './set-walk.ts';
import { ZsetWalk } from './zset-walk.ts';

/** By kind. */
export const WORK_READERS: Readonly<Record<number, WorkReader>> = {
  [KIND_SETS]: SetWalk.read,
  [KIND_ZSETS]: ZsetWalk.read,
};
