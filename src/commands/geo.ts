/** The geo family: its commands, in the files that hold them. */
import { oneKeyRows } from './collection.ts';
import { GEO_ADD_ROWS } from './geo-add.ts';
import { GEO_READ_ROWS } from './geo-read.ts';
import { GEO_SEARCH_COMMANDS } from './geo-search-rows.ts';
import type { CommandSpec } from './spec.ts';

export const GEO_COMMANDS: readonly CommandSpec[] = [
  ...oneKeyRows('geo', 'geo', [...GEO_ADD_ROWS, ...GEO_READ_ROWS]),
  ...GEO_SEARCH_COMMANDS,
];
