/* The engine's memory. Until the library is evaluated, what is given back is wiped: the image of a
 * warmed-up guest holds only what is in use, and zero pages cost nothing to keep or to map. Afterwards a
 * reserve is held, and given up when memory runs out, so that there is room to make the error object and
 * to tell of it. It must not know limits: the host's cap on linear memory makes malloc fail. */
#include <malloc.h>
#include <stdlib.h>

#include "glue.h"
#include "heap.h"

/* Enough to unwind, to run handlers and to print an uncaught error. Never touched, so it costs no page. */
#define RESERVE_BYTES (256 * 1024)

/* Wasm pages of a huge page: an image that is a multiple of it can lie in huge pages as a whole. */
#define HUGE_PAGES 32
#define MOST_GROWTHS 8

/* Free blocks that are larger are left as they are, and so are those that nothing fits into. */
#define LARGEST_HOLE (1024 * 1024)
#define SMALLEST_BLOCK 8

/* Blocks given back before a reserve that was given up is asked for again. */
#define FREES_UNTIL_RESERVE 4096

static bool warming = true;
static void *reserve;
static uint32_t frees;

/* Memory grows by what malloc lacks: it may take several blocks to get to the multiple. They are never touched. */
static void grow_to_huge_pages(void) {
#ifdef __wasm__
  void *blocks[MOST_GROWTHS];
  int count = 0;
  size_t over;
  while (count < MOST_GROWTHS && (over = __builtin_wasm_memory_size(0) % HUGE_PAGES) > 0)
    blocks[count++] = malloc((HUGE_PAGES - over) << 16);
  while (count > 0) free(blocks[--count]);
#endif
}

/* What lies free between the library's blocks is taken and never given back: a script's first blocks would else be
 * strewn over those holes, and each page that one of them dirties is a copy of its own in every process. Blocks from
 * `top` on are no holes. */
static void fill_holes(void) {
  char *top = malloc(LARGEST_HOLE);
  free(top);
  if (!top) return;
  for (size_t size = LARGEST_HOLE / 2; size >= SMALLEST_BLOCK; size /= 2) {
    char *block;
    while ((block = malloc(size)) && block < top) {}
    free(block);
  }
}

void skep_heap_warm(void) {
  grow_to_huge_pages();
  fill_holes();
  warming = false;
  reserve = malloc(RESERVE_BYTES);
}

/* Memory has run out: what asked for it fails, what comes then has the reserve. */
static void *run_out(void) {
  free(reserve);
  reserve = NULL;
  frees = 0;
  return NULL;
}

static void *heap_calloc(void *opaque, size_t count, size_t size) {
  void *made = calloc(count, size);
  return made ? made : run_out();
}

static void *heap_malloc(void *opaque, size_t size) {
  void *made = malloc(size);
  return made ? made : run_out();
}

static size_t heap_usable_size(const void *ptr) { return malloc_usable_size((void *)ptr); }

static void heap_free(void *opaque, void *ptr) {
  if (ptr && warming) explicit_bzero(ptr, malloc_usable_size(ptr)); /* memset before free is dead code to clang */
  free(ptr);
  if (!reserve && !warming && ++frees >= FREES_UNTIL_RESERVE) {
    frees = 0;
    reserve = malloc(RESERVE_BYTES);
  }
}

static void *heap_realloc(void *opaque, void *ptr, size_t size) {
  if (!ptr || !warming) {
    void *made = realloc(ptr, size);
    return made || !size ? made : run_out();
  }
  size_t before = malloc_usable_size(ptr);
  if (size <= before) return ptr;
  void *moved = malloc(size);
  if (!moved) return NULL;
  memcpy(moved, ptr, before);
  heap_free(opaque, ptr);
  return moved;
}

const JSMallocFunctions skep_heap = { heap_calloc, heap_malloc, heap_free, heap_realloc, heap_usable_size };
