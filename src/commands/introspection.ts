/** MODULE: there are no modules, and none can be loaded. */
import { ERROR_BYTES } from '../resp/errors.ts';
import { container } from './session-reply.ts';
import type { CommandSpec, SessionContext } from './spec.ts';

function replyEmpty(ctx: SessionContext): void {
  ctx.reply.array(0);
}

function cmdModuleLoad(ctx: SessionContext): void {
  const path = JSON.stringify(ctx.text(2));
  ctx.server.log('warning', `Module ${path} failed to load: Tessera runs no modules of Redis`);
  ctx.reply.errorBytes(ERROR_BYTES.MODULE_NOT_LOADED);
}

function cmdModuleUnload(ctx: SessionContext): void {
  ctx.reply.errorBytes(ERROR_BYTES.MODULE_NOT_FOUND);
}

const CHANGES = ['admin', 'noscript', 'no_async_loading', 'protected'] as const;

const MODULE = container(
  {
    name: 'module',
    summary: 'Contains the commands about modules.',
    since: '4.0.0',
    group: 'server',
    acl: [],
    helpSince: '5.0.0',
    help: [
      'LIST',
      '    Lists the loaded modules: none.',
      'LOAD <path> [<arg> ...]',
      '    Fails: no modules can be loaded.',
      'LOADEX <path> [CONFIG <name> <value> ...] [ARGS <arg> ...]',
      '    Fails as LOAD does.',
      'UNLOAD <name>',
      '    Fails: there is no module of any name.',
    ],
  },
  [
    {
      name: 'list',
      summary: 'Lists the loaded modules; there are none.',
      since: '4.0.0',
      arity: 2,
      flags: ['admin', 'noscript'],
      run: replyEmpty,
    },
    {
      name: 'load',
      summary: 'Loads a module; there is none that could be loaded.',
      since: '4.0.0',
      arity: -3,
      flags: CHANGES,
      syntax: 'path [arg [arg ...]]',
      run: cmdModuleLoad,
    },
    {
      name: 'loadex',
      summary: 'Loads a module with settings; there is none that could be loaded.',
      since: '7.0.0',
      arity: -3,
      flags: CHANGES,
      syntax: 'path [CONFIG name value [CONFIG name value ...]] [ARGS args [args ...]]',
      run: cmdModuleLoad,
    },
    {
      name: 'unload',
      summary: 'Unloads a module; there are none.',
      since: '4.0.0',
      arity: 3,
      flags: CHANGES,
      syntax: 'name',
      run: cmdModuleUnload,
    },
  ],
);

export const INTROSPECTION_COMMANDS: readonly CommandSpec[] = [MODULE];
