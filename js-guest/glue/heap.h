/* heap.c: the engine's memory. Must not know who allocates. */
#ifndef SKEP_HEAP_H
#define SKEP_HEAP_H

#include "quickjs.h"

extern const JSMallocFunctions skep_heap;

/* Warm-up is over: what is freed need not be wiped any more. */
void skep_heap_warm(void);

/* Functions made while this is set keep no source text (patches/06-strip-source.patch). */
extern bool js_strip_source;

#endif
