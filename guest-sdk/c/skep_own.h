/* What the parts of the SDK in C have in common, and guests have not. */
#ifndef SKEP_OWN_H
#define SKEP_OWN_H
#include "skep_guest.h"

/* What a stream may have sent before its reader gives it more. */
#define SKEP_FIRST_CREDIT (64 << 10)

struct skep_text {
  const char *at;
  uint32_t length;
};

/* The start record, asked for once: it stays where it is. */
struct skep_text skep_start_record(void);

/* A member of a JSON object, as it is written there: of a text, what stands between its quotes. The JSON has no spaces. */
struct skep_text skep_member(struct skep_text json, const char *name);

/* The JSON value at the beginning of a text. */
struct skep_text skep_value_at(struct skep_text text);

/* What a JSON text says, ended by 0 as far as there is room; answers its length. */
int64_t skep_said(struct skep_text text, char *to, uint32_t room);

/* A whole number at the beginning of a text; 0 when there is none. */
int64_t skep_number(struct skep_text text);

int skep_equal(struct skep_text text, const char *other);

/* Whether two texts are the same without regard to case. */
int skep_same(const char *a, const char *b, size_t length);

/* What is put together: `used` grows beyond `room` where there is none. */
struct skep_buffer {
  char *at;
  uint32_t used, room;
};

void skep_put_bytes(struct skep_buffer *buffer, const void *from, uint32_t length);
void skep_put(struct skep_buffer *buffer, const char *text);
void skep_put_number(struct skep_buffer *buffer, int64_t value, uint32_t base);

/* A text within JSON. */
void skep_put_escaped(struct skep_buffer *buffer, const char *text);

/* Passes an event on as if the host had sent it. */
void skep_tell(skep_event *event, const uint8_t *payload);

/* Who is told of a handle's events is told of another's, too. */
int skep_on_as(skep_handle handle, skep_handle other);

/* Whether an HTTP answer is due on a connection, or coming; 0 when nobody is told of it. */
int *skep_http_due(skep_handle connection);

/* Calls what is due; answers whether there is any timer of skep_after's. */
int skep_timers_due(const skep_event *event);

/* Has the host's timer stand where the first of ours does. */
void skep_timers_arm(void);

/* Answers whether somebody was told. */
int skep_signalled(const skep_event *event);

/* The program that the host is part of calls. */
void skep_called(const skep_event *event, const uint8_t *payload);

/* ---- A worker of a script's cluster ---- */

/* Before main: finds out that it is one, and says that it runs. */
void skep_worker_begin(void);

/* In a clone: the process that was cloned is the worker. */
void skep_worker_forget(void);

/* Its part of the primary's listener at this address; -SKEP_ENOSYS where there is no primary. */
skep_handle skep_worker_listen(const char *host, int port, const skep_listen_options *options);

/* Changes a listener's options, whoever has opened it. */
int skep_worker_set(skep_handle listener, const skep_listen_options *options);

/* An event of a listener's or channel's, before its owner is told: it gets the handle by which the owner knows it. Answers whether the
 * owner is to be told at all. */
int skep_worker_event(skep_event *event);

/* A word of the library at the other end of a channel. Answers whether it is done with; else it is a message, with which something came. */
int skep_worker_hears(skep_event *event, uint8_t *payload);
#endif
