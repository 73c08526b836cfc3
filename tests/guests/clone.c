/* A guest for the tests of clones: both processes say what they know. */
#include "../skep_guest.h"

static int known = 1;

static void on_channel(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_CHANNEL_MESSAGE) skep_say("the first heard");
}

static void on_clone(const skep_event *event, const uint8_t *payload, void *data) {
  (void)payload, (void)data;
  if (event->kind == SKEP_EV_CHILD_FAILED) skep_say("failed");
  if (event->kind == SKEP_EV_CHILD_EXIT) skep_say(event->value == 9 ? "nine" : "another");
  if (event->kind != SKEP_EV_CHILD_STARTED) return;
  skep_say(event->value ? "started" : known == 2 ? "awake" : "lost");
  if (event->value == 0) {
    skep_channel_send(skep_parent_channel(), 0, "1", 1, 0);
    skep_exit(9);
  }
}

void skep_main(void) {
  skep_handle clone = skep_clone();
  if (clone < 0) skep_exit((int)-clone);
  skep_on(clone, on_clone, 0);
  skep_on(skep_child_channel(clone), on_channel, 0);
  known = 2;
}
