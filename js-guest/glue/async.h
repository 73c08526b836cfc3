/* The frame of asynchronous work that runs now: its id, the id that caused it, the object that stands for it. Must not
 * know what the work is. */
#ifndef SKEP_ASYNC_H
#define SKEP_ASYNC_H

#include "glue.h"

/* id 0: not asked for yet. It is then the resource's own, or a new one. */
typedef struct {
  double id, trigger;
  JSValue resource; /* undefined: made when somebody asks */
} skep_frame;

/* Somebody listens with createHook. Everything below costs next to nothing while nobody does. */
extern bool skep_hooked;

void skep_init_async(void);

/* Takes no ownership. The answer goes to skep_frame_leave. Both emit for an enabled hook. */
skep_frame skep_frame_enter(double id, double trigger, JSValueConst resource);
void skep_frame_leave(skep_frame previous);
/* An event of the host begins or the turn's work does: what ran before is over. Emits nothing. */
void skep_frame_reset(double id);

double skep_async_id(void);     /* of what runs now */
double skep_async_new_id(void);
void skep_async_destroy(double id); /* tells the hooks, later */
/* The object for a piece of work that is queued now: tells the hooks of it. Undefined while nobody listens. */
JSValue skep_async_init(const char *type, double id, double trigger);

/* What waits for events of a handle keeps the context and the id of who made it, when there is one to keep. */
void skep_async_born(uint64_t handle, const char *type);
/* `type`: who lets go of it; another's use of the same handle stays. */
void skep_async_gone(uint64_t handle, const char *type);
bool skep_async_keeps(void); /* whether any handle has */
/* Runs the handler of an event in what its handle has kept. */
void skep_async_dispatch(skep_event_fn *fn, const skep_event *event, const uint8_t *payload);

#endif
