/* The engine's memory. Until the library is evaluated, what is given back is wiped: the image of a
 * warmed-up guest holds only what is in use, and zero pages cost nothing to keep or to map. It must
 * not know limits: the host's cap on linear memory makes malloc fail. */
#include <malloc.h>
#include <stdlib.h>

#include "glue.h"
#include "heap.h"

static bool warming = true;

void skep_heap_warm(void) { warming = false; }

static void *heap_calloc(void *opaque, size_t count, size_t size) { return calloc(count, size); }
static void *heap_malloc(void *opaque, size_t size) { return malloc(size); }
static size_t heap_usable_size(const void *ptr) { return malloc_usable_size((void *)ptr); }

static void heap_free(void *opaque, void *ptr) {
  if (ptr && warming) explicit_bzero(ptr, malloc_usable_size(ptr)); /* memset before free is dead code to clang */
  free(ptr);
}

static void *heap_realloc(void *opaque, void *ptr, size_t size) {
  if (!ptr || !warming) return realloc(ptr, size);
  size_t before = malloc_usable_size(ptr);
  if (size <= before) return ptr;
  void *moved = malloc(size);
  if (!moved) return NULL;
  memcpy(moved, ptr, before);
  heap_free(opaque, ptr);
  return moved;
}

const JSMallocFunctions skep_heap = { heap_calloc, heap_malloc, heap_free, heap_realloc, heap_usable_size };
