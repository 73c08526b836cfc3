/* A plain WASI program for the tests, in C: does what its first word says. It knows nothing of Skep. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sends back what it hears, each message in two writes, until it is told to stop or hears no more. */
static int talk(int channel) {
  FILE *in = fdopen(channel, "r");
  char *line = 0;
  size_t room = 0;
  if (!in) return 9;
  for (ssize_t length; (length = getline(&line, &room, in)) > 0;) {
    if (!strcmp(line, "\"close\"\n")) return fclose(in), write(channel, "1\n", 2) < 0 ? 4 : 8;
    if (!strcmp(line, "\"wrong\"\n") && write(channel, "no JSON\n", 8) >= 0) return 7;
    if (write(channel, "{\"heard\":", 9) != 9) return 3;
    line[length - 1] = '}';
    if (write(channel, line, length) != length || write(channel, "\n", 1) != 1) return 2;
  }
  return 6;
}

int main(int argc, char **argv) {
  const char *word = argc > 1 ? argv[1] : "";
  if (!strcmp(word, "hello")) {
    printf("hello %s\n", argv[2]);
  } else if (!strcmp(word, "env")) {
    const char *value = getenv(argv[2]);
    puts(value ? value : "none");
  } else if (!strcmp(word, "exit")) {
    return atoi(argv[2]);
  } else if (!strcmp(word, "cat")) {
    for (int letter; (letter = getchar()) != EOF;) putchar(letter);
  } else if (!strcmp(word, "channel")) {
    const char *number = getenv("NODE_CHANNEL_FD");
    return number ? talk(atoi(number)) : 5;
  } else if (!strcmp(word, "fill")) {
    for (;;) {
      /* A compiler leaves out what nobody looks at. */
      volatile char *more = malloc(1 << 20);
      if (!more) abort();
      more[0] = 1;
    }
  } else if (!strcmp(word, "read")) {
    FILE *file = fopen(argv[2], "r");
    if (!file) return perror(argv[2]), 1;
    for (int letter; (letter = getc(file)) != EOF;) putchar(letter);
  } else if (!strcmp(word, "write")) {
    FILE *file = fopen(argv[2], "w");
    if (!file || fputs(argv[3], file) < 0 || fclose(file)) return perror(argv[2]), 1;
  }
  return 0;
}
