/* The fast way of a socket's chunks (stream_fast.c), for stream.c. */
#ifndef SKEP_STREAM_FAST_H
#define SKEP_STREAM_FAST_H
#include "glue.h"

/* Emits the chunk if nothing stands against it; else has done nothing. */
bool skep_stream_fast_data(JSContext *ctx, JSValueConst socket, const uint8_t *payload, uint32_t len);
JSValue skep_stream_setup_socket(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
#endif
