/** Readers of the kinds of work that shard workers do in parts. */
import { KIND_SETS, type WorkReader } from './parted-work.ts';
import { SetWalk } from './set-walk.ts';

/** By kind. */
export const WORK_READERS: Readonly<Record<number, WorkReader>> = {
  [KIND_SETS]: SetWalk.read,
};
