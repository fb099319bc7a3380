/** Words of a dict and of its buckets: the layout at the head of dict.ts. */

export const DICT_STRUCT_WORDS = 16;

export const DICT_TABLE0 = 0;
export const DICT_COUNT0 = 1;
export const DICT_TABLE1 = 2;
export const DICT_COUNT1 = 3;
export const DICT_REHASH_UNIT = 4;
export const DICT_ITEMS = 5;
export const DICT_CHILDREN = 6;
export const DICT_PAUSE = 7;

export const BUCKET_WORDS = 16;
export const BUCKET_SLOTS = 12;
export const BUCKET_LAST_SLOT = 11;
export const BUCKET_PRESENT_ALL = 0xfff;
export const BUCKET_PRESENT_CHAINED = 0x7ff;
export const BUCKET_CHAINED = 0x1000;
export const BUCKET_REFS = 4;
