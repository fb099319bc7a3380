/** Puts one shard worker together. */
import type { MessagePort } from 'node:worker_threads';
import { ringEventfd } from '../transport/libc.ts';
import { ControlPort, type ToMain, type ToThread } from './control.ts';
import { WorkerOutputBound } from './output-bound.ts';
import { loadHere } from './shard-load.ts';
import { ShardWorker } from './shard-worker.ts';
import { SnapshotWalk } from './snapshot-walk.ts';
import { applyCommandLimits, setUpThread, type ThreadStart } from './thread-setup.ts';

/** Runs a shard worker until main stops it; the thread's event loop does not turn meanwhile. */
export function runShardThread(start: ThreadStart, port: MessagePort): void {
  const parts = setUpThread(start, ringEventfd);
  const control = new ControlPort<ToMain, ToThread>(port);
  let walk: SnapshotWalk | null = null;
  let isStopped = false;
  const poll = (): boolean => {
    for (let m = control.poll(); m !== null; m = control.poll()) {
      if (m.type === 'stop') isStopped = true;
      else if (m.type === 'flip') walk?.requestFlip(m.request);
      else if (m.type === 'load') loadHere(parts, control, m.task, poll);
      else if (m.type === 'users') {
        parts.acl.users.apply(m.change);
        control.send({ type: 'answer', id: m.id, answer: { error: null } });
      } else if (m.type === 'denials') {
        const denials = parts.acl.notes.drain();
        control.send({ type: 'answer', id: m.id, answer: { error: null, denials } });
      }
      if (isStopped) return false;
      if (m.type !== 'config') continue;
      parts.config.applyChanges(m.record);
      applyCommandLimits(parts);
      // The client that has lowered the limit finds that eviction has begun.
      if (parts.room.wantsSlice) parts.room.slice();
      control.send({ type: 'answer', id: m.id, answer: { error: null } });
    }
    return true;
  };
  const worker = new ShardWorker({
    ...parts,
    output: new WorkerOutputBound(parts.output),
    walk: (owned) => {
      walk = new SnapshotWalk({
        ...parts,
        shards: parts.ctx.shards,
        owned,
        ring: start.buffers.snapshot,
        appendCut: () => parts.guard.journal.appendCut(),
        onFlipped: (facts) => control.send({ type: 'flipped', facts }),
      });
      return walk;
    },
    worker: start.thread - parts.layout.workerThread(0),
    pollControl: poll,
  });
  control.send({ type: 'ready', thread: start.thread, transport: '' });
  worker.run();
  port.close();
}
