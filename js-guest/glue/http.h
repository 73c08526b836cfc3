/* What the http_*.c files share: the two message classes, and one growing buffer. It must not know how
 * HTTP is framed: heads come parsed, and go out as a block of `Name: value` lines. */
#ifndef SKEP_HTTP_H
#define SKEP_HTTP_H
#include <strings.h>

#include "glue.h"

/* ---- Names and hooks (http.c) ---- */
enum {
  H_request, H_finish, H_close, H_prefinish, H_end, H_data, H_error, H_drain, H_readable, H_aborted, H_on,
  H_writeHead, H__implicitHeader, H_length, H_push, H_write, H_set_cookie, H_cookie, H_content_length,
  H_content_disposition, H_transfer_encoding, H_connection, H_pause, H_resume, H_emit, H__dump, H_url,
  H_headers, H_trailer, H_date, H_NAMES
};
extern JSAtom http_atoms[H_NAMES];

/* Functions of lib that C calls where the work is rare; set once by setup(). */
enum {
  HOOK_THROW,        /* (code, ...args): throws that error of internal/errors */
  HOOK_FAIL,         /* (res, code, cb, ...args): the error goes to cb and 'error', later */
  HOOK_TO_BUFFER,    /* (string, encoding): Buffer */
  HOOK_STATE,        /* (req): makes _readableState */
  HOOK_RESUME,       /* (req): Readable's on('data') for a request with a state */
  HOOK_SPECIAL,      /* (server, req, res, flags, head): upgrade, connect, expect, over limit */
  HOOK_MAKE,         /* (server, conn): [req, res] of the server's own classes */
  HOOK_SOCKET,       /* (exchange, conn, listener, handle or 0): the socket of an exchange */
  HOOK_ABORTED,      /* (req, res, errno) */
  HOOK_DUMP,         /* (req): a touched request whose response is done */
  HOOK_NEXT_TICK,    /* process.nextTick */
  HOOK_CLIENT_ERROR, /* (server, stream, conn, status, parsed, code, message, packet) */
  HOOK_CONNECTION,   /* (server, handle, conn) */
  HOOK_CONN_EVENT,   /* (kind, conn, value, bytes) */
  HOOK_SLICES,       /* (chunk, encoding, size): Buffers of at most that size */
  HOOK_ORPHAN,       /* (exchange, conn): the server of an attached connection */
  HOOK_OBSERVE,      /* (server, req, res): somebody watches http from outside; before 'request' */
  HOOK_WIRE,         /* (res, what, chunk, encoding, cb): a response over a stream of the script's own */
  HOOKS
};
extern JSValue http_hooks[HOOKS];

JSValue http_throw(JSContext *ctx, const char *code, int argc, JSValueConst *argv); /* JS_EXCEPTION */
JSValue http_hook(JSContext *ctx, int hook, int argc, JSValueConst *argv);
extern const char *const http_methods[];
extern const int http_method_count;

/* ---- A growing buffer that starts inside its owner ---- */
typedef struct {
  char *ptr;
  uint32_t len, cap;
  char small[184];
} http_block;
void http_block_init(http_block *b);
void http_block_free(JSRuntime *rt, http_block *b);
bool http_block_add(JSContext *ctx, http_block *b, const void *bytes, size_t len);

/* ---- Header names and values (http_headers.c) ---- */
bool http_is_token(const char *text, size_t len);
/* Throws ERR_INVALID_HTTP_TOKEN or answers the lower-cased name as an atom. */
JSAtom http_name_atom(JSContext *ctx, JSValueConst name);
bool http_check_name(JSContext *ctx, JSValueConst name, const char *label);
bool http_check_value(JSContext *ctx, JSValueConst name, JSValueConst value);
/* The bytes of a value as latin1: false with `bad` set where a character is not allowed. */
bool http_add_latin1(JSContext *ctx, http_block *b, JSValueConst value, bool *bad);

typedef struct { JSAtom key; JSValue name, value; } http_entry;
typedef struct { uint32_t count, cap; http_entry *entries; JSValue unique; } http_table;
http_entry *http_table_find(http_table *t, JSAtom key);
bool http_table_set(JSContext *ctx, http_table *t, JSAtom key, JSValueConst name, JSValueConst value);
bool http_table_remove(JSContext *ctx, http_table *t, JSAtom key);
void http_table_free(JSRuntime *rt, http_table *t);

/* Adds lines for one field; arrays give one line each, but for cookies and unique headers. */
bool http_add_field(JSContext *ctx, http_block *b, JSValueConst name, JSValueConst value, bool check, JSValueConst unique);
/* writeHead's header argument in any of its forms, and the whole table. */
bool http_add_argument(JSContext *ctx, http_block *b, JSValueConst headers, JSValueConst unique);
bool http_add_table(JSContext *ctx, http_block *b, http_table *t);

/* ---- IncomingMessage (http_request.c) ---- */
enum {
  REQ_COMPLETE = 1, REQ_FLOWING = 2, REQ_SENT_DATA = 4, REQ_END_EMITTED = 8, REQ_DUMPED = 16, REQ_CONSUMED = 32,
  REQ_ABORTED = 64, REQ_CLOSE_EMITTED = 128, REQ_UPGRADE = 256, REQ_QUEUED = 512, REQ_DESTROYED = 1024,
  REQ_JOIN_DUPLICATES = 2048, REQ_TOUCHED = 4096, REQ_EXPECT = 8192, REQ_STOPPED = 1 << 14, REQ_LET_GO = 1 << 15
};
typedef struct http_req {
  uint64_t exchange, conn, listener;
  int64_t named; /* the connection's handle, where the socket may be asked for when the exchange is over */
  uint8_t *head; /* the record's fields, then the raw head */
  uint32_t field_count, raw_len, target, target_len, bits, owed;
  uint32_t told; /* pieces of a `body` that is a list which have been told */
  uint32_t serial; /* later requests have higher ones */
  uint16_t flags;
  uint8_t method, minor;
  JSValue url, headers, body, state, socket, trailers;
} http_req;
extern JSClassID http_req_class;
extern JSValue http_req_proto;
void http_request_init(JSContext *ctx, JSValue binding);
JSValue http_request_new(JSContext *ctx, JSValueConst proto);
http_req *http_request_of(JSContext *ctx, JSValueConst value); /* NULL when it is none */
bool http_request_fill(JSContext *ctx, http_req *req, uint64_t exchange, const skep_request *record);
/* Body bytes, the end, and what is due after the 'request' callback. */
void http_request_body(JSContext *ctx, JSValueConst value, const uint8_t *bytes, uint32_t len);
void http_request_ended(JSContext *ctx, JSValueConst value, const uint8_t *trailers, uint32_t len);
void http_request_flow(JSContext *ctx, JSValueConst value);
bool http_request_needs_dump(JSContext *ctx, JSValueConst value, http_req *req);
void http_request_dump(JSContext *ctx, JSValueConst value, http_req *req);
extern http_req *http_dispatching; /* whose 'request' callback runs, or NULL */
extern http_req *http_ending; /* whose 'end' is being told, or NULL */
extern JSValueConst http_ending_value;

/* ---- Fields of a request (http_fields.c) ---- */
void http_fields_init(JSContext *ctx, JSValue binding);
JSValue http_request_headers(JSContext *ctx, http_req *req);
JSValue http_request_raw_headers(JSContext *ctx, http_req *req);
JSValue http_latin1(JSContext *ctx, const uint8_t *text, uint32_t len);
const uint8_t *http_raw_of(http_req *req);

/* ---- OutgoingMessage and ServerResponse (http_response.c, http_write.c) ---- */
enum {
  RES_FINISHED = 1, RES_HEAD = 2, RES_SENT = 4, RES_NO_DATE = 8, RES_CLOSE = 16, RES_NO_CHUNKED = 32,
  RES_REMOVED_CONNECTION = 64, RES_REMOVED_LENGTH = 128, RES_REMOVED_TE = 256, RES_STRICT = 512,
  RES_NO_BODY = 1024, RES_WATCHED = 2048, RES_DONE = 4096, RES_DESTROYED = 8192, RES_CLOSED = 16384,
  RES_NEED_DRAIN = 1 << 15, RES_IMPLICIT = 1 << 16, RES_REASON = 1 << 17, RES_SENT_100 = 1 << 18,
  RES_EXPECT = 1 << 19, RES_END_QUEUED = 1 << 20, RES_CHUNKED = 1 << 21, RES_DETACHED = 1 << 22,
  RES_STRICT_BODY = 1 << 23, RES_END_SENT = 1 << 24, RES_LAST = 1 << 25, RES_DRAIN_SOON = 1 << 26, RES_WIRED = 1 << 27
};
typedef struct http_res {
  uint64_t exchange, ended_turn, framed_turn;
  uint32_t bits;
  int32_t pending, corked, told; /* told: the status that the head was made with */
  int32_t framed; /* what the host will add around this turn's chunks, if they are chunks */
  int32_t held; /* what was queued while it was corked, counted up to where its writer is to wait */
  int64_t content_length, written; /* -1: unknown */
  JSValue req, status, message, queue, after, trailers;
  http_table fields;
  http_block block;
} http_res;
extern JSClassID http_res_class;
extern JSValue http_res_proto;
void http_response_init(JSContext *ctx, JSValue binding);
void http_write_init(JSContext *ctx, JSValue proto);
void http_watch_init(JSContext *ctx, JSValue proto);
JSValue http_response_new(JSContext *ctx, JSValueConst proto, JSValueConst req);
void http_response_attach(http_res *res, http_req *req);
http_res *http_response_of(JSContext *ctx, JSValueConst value);
http_res *http_response_this(JSContext *ctx, JSValueConst value); /* throws */
bool http_response_implicit(JSContext *ctx, JSValueConst self, http_res *res);
int http_write_head(JSContext *ctx, http_res *res, int argc, JSValueConst *argv);
int32_t http_response_pending(http_res *res);
void http_count_frame(http_res *res, size_t len); /* a chunk of so many bytes has gone to the host */
enum { WIRE_WRITE, WIRE_END, WIRE_CORK, WIRE_UNCORK, WIRE_FLUSH };
JSValue http_wire(JSContext *ctx, JSValueConst self, int what, int argc, JSValueConst *argv);
void http_response_drain(JSContext *ctx, JSValueConst self);
void http_response_done(JSContext *ctx, JSValueConst self);
bool http_response_over(http_res *res); /* nothing more will come from the host for it */

/* ---- Exchanges in flight (http.c) ---- */
void http_release(JSContext *ctx, uint64_t exchange); /* takes both messages out of the table when they are over */
void http_pin(JSContext *ctx, uint64_t exchange, JSValueConst req, JSValueConst res); /* unless both are over */

/* ---- The client role (http_client.c) ---- */
void http_client_init(JSContext *ctx, JSValue binding);
/* on without its checks (events.c). */
int skep_add_listener(JSContext *ctx, JSValueConst self, JSAtom type, JSValueConst listener, bool first);
#endif
