/* A guest for the tests of workers: the child of one, that speaks as if it were the primary. */
#include "../skep_guest.h"

void skep_main(void) {
  static const char word[] = "{\"act\":\"cluster\",\"do\":\"disconnect\"}", said[] = "\"lied\"";
  skep_handle parent = skep_parent_channel();
  skep_channel_send(parent, SKEP_CHANNEL_INTERNAL, word, sizeof word - 1, 0);
  skep_channel_send(parent, 0, said, sizeof said - 1, 0);
}
