/** Fills INFO's snapshot from shared counters. */
import { keyspaceBytes, type ThreadParts } from './thread-setup.ts';

export function infoText(parts: ThreadParts, _sections: readonly string[]): string {
  return `# Server\r\nredis_version:8.0.0\r\nredis_mode:standalone\r\nprocess_id:${process.pid}\r\n# Memory\r\nused_memory:${keyspaceBytes(parts.ctx.shards)}\r\n# Persistence\r\nloading:0\r\n`;
}
