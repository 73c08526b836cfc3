/* A plain WASI program, which knows nothing of Skep: writes out the files that its words name. */
#include <stdio.h>

int main(int argc, char **argv) {
  for (int at = 1; at < argc; at++) {
    FILE *file = fopen(argv[at], "r");
    if (!file) return perror(argv[at]), 1;
    for (int letter; (letter = getc(file)) != EOF;) putchar(letter);
    fclose(file);
  }
  return 0;
}
