/**
 * The kernel's io_uring interface, as far as this transport uses it (see io_uring(7) and
 * `linux/io_uring.h`).
 *
 * LAYOUT (x64 and arm64 Linux alike; little endian; offsets in bytes)
 *
 *   submission entry, 64 bytes                      completion entry, 16 bytes
 *   +0  u8 opcode, u8 flags, u16 ioprio             +0  u64 user_data (as submitted)
 *   +4  i32 fd                                      +8  i32 result (or -errno)
 *   +8  u64 offset / addr2                          +12 u32 flags (buffer id in the upper 16 bits)
 *   +16 u64 address
 *   +24 u32 length                                  buffer ring entry, 16 bytes
 *   +28 u32 operation flags                         +0  u64 address
 *   +32 u64 user_data                               +8  u32 length
 *   +40 u16 buffer group, u16 personality           +12 u16 buffer id
 *   +44 u32 file index                              +14 u16 (entry 0 only) the ring's tail
 *   +48 16 bytes, always zero here
 *
 *   io_uring_params, 120 bytes: u32 sq_entries, cq_entries, flags, cpu, idle, features, wq_fd,
 *   resv[3]; +40 sq offsets: head, tail, mask, entries, flags, dropped, array, resv, u64;
 *   +80 cq offsets: head, tail, mask, entries, overflow, cqes, flags, resv, u64
 *
 * LIMITS: 32-bit words are read and written as signed Int32Array elements; masks do not mind.
 */

export const SYS_IO_URING_SETUP = 425;
export const SYS_IO_URING_ENTER = 426;
export const SYS_SCHED_YIELD = process.arch === 'arm64' ? 124 : 24;
export const SYS_IO_URING_REGISTER = 427;

export const OP_POLL_ADD = 6;
export const OP_TIMEOUT = 11;
export const OP_ACCEPT = 13;
export const OP_ASYNC_CANCEL = 14;
export const OP_CLOSE = 19;
export const OP_SEND = 26;
export const OP_RECV = 27;

export const SQE_BYTES = 64;
export const CQE_BYTES = 16;
export const BUF_ENTRY_BYTES = 16;
/** io_uring_buf_reg: u64 address, u32 entries, u16 group, u16 flags, u64[3]. */
export const BUF_REG_BYTES = 40;

export const SQE_CQE_SKIP_SUCCESS = 1 << 6;
export const SQE_BUFFER_SELECT = 1 << 5;
export const ACCEPT_MULTISHOT = 1 << 0;
export const RECV_MULTISHOT = 1 << 1;
export const POLL_ADD_MULTI = 1 << 0;
export const CANCEL_ALL = 1 << 0;
export const CANCEL_FD = 1 << 1;

export const CQE_F_BUFFER = 1 << 0;
export const CQE_F_MORE = 1 << 1;

export const SETUP_CQSIZE = 1 << 3;
export const SETUP_CLAMP = 1 << 4;
export const SETUP_SUBMIT_ALL = 1 << 7;
export const SETUP_COOP_TASKRUN = 1 << 8;
export const SETUP_TASKRUN_FLAG = 1 << 9;
export const SETUP_SINGLE_ISSUER = 1 << 12;
export const SETUP_DEFER_TASKRUN = 1 << 13;

/** In the submission ring's flags: completions wait in the kernel for room. */
export const SQ_CQ_OVERFLOW = 1 << 1;
/** In the submission ring's flags: a call of io_uring_enter would complete something. */
export const SQ_TASKRUN = 1 << 2;

export const ENTER_GETEVENTS = 1 << 0;

export const FEAT_SINGLE_MMAP = 1 << 0;
export const FEAT_NODROP = 1 << 1;
export const FEAT_FAST_POLL = 1 << 5;
export const FEAT_CQE_SKIP = 1 << 11;

export const REGISTER_PBUF_RING = 22;

export const MMAP_OFFSET_RINGS = 0;
export const MMAP_OFFSET_SQES = 0x10000000;

export const PARAMS_BYTES = 120;
export const PARAM_FLAGS = 8;
export const PARAM_CQ_ENTRIES = 4;
export const PARAM_FEATURES = 20;
export const PARAM_SQ_OFFSETS = 40;
export const PARAM_CQ_OFFSETS = 80;
/** Within the offsets blocks of io_uring_params. */
export const OFF_HEAD = 0;
export const OFF_TAIL = 4;
export const OFF_MASK = 8;
export const OFF_ENTRIES = 12;
export const OFF_SQ_FLAGS = 16;
export const OFF_SQ_ARRAY = 24;
export const OFF_CQ_CQES = 20;
