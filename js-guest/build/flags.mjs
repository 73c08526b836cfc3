// What the compiler and the linker are told, with the reasons. Knows nothing about files or processes.

// The guest's shadow stack, and how much of it JavaScript may use. What is between them is for C that recurses no
// further once the limit is hit. The host must give a Wasm stack of four times the limit or more: no shape of recursion
// takes more than 3.3 times its share of this one (patches/02-frame-weight.patch).
const STACK_BYTES = 2304 * 1024;
const STACK_LIMIT_BYTES = 2048 * 1024;

const COMMON = [
  '-O2', '-std=gnu11', '-D_GNU_SOURCE', '-DNDEBUG',
  '-D_WASI_EMULATED_SIGNAL', '-D_WASI_EMULATED_PROCESS_CLOCKS',
  `-DJS_DEFAULT_STACK_SIZE=${STACK_LIMIT_BYTES}`,
  // A memory.copy of unknown length must not be emitted inline: it would be one uninterruptible step.
  // Calls go to glue/bulk_memory.c, which cuts them into pieces.
  '-mno-bulk-memory-opt', '-mno-bulk-memory',
];

export const ENGINE_FLAGS = [...COMMON, '-w'];
export const GLUE_FLAGS = [...COMMON, '-Wall', '-Wextra', '-Wno-unused-parameter'];

// The one file that may use the bulk instructions, and must not be turned into a call of itself.
// (The last of two contrary flags wins.)
export const BULK_FLAGS = [...GLUE_FLAGS, '-mbulk-memory', '-mbulk-memory-opt', '-fno-builtin'];

export const LINK_FLAGS = [
  '-mexec-model=reactor',
  '-Wl,--export=__stack_pointer',
  '-Wl,--export-table', '-Wl,--growable-table',
  // The stack below the data: an overflow traps at address 0 instead of running into the heap.
  '-Wl,--stack-first', `-Wl,-z,stack-size=${STACK_BYTES}`,
  // See glue/bulk_memory.c.
  '-Wl,--wrap=calloc', '-Wl,--wrap=realloc',
  '-lwasi-emulated-signal', '-lwasi-emulated-process-clocks',
];
