// Replay recorded kernel calls: replay RECORDING RESULT LIBRARY... ; test_arm.py records them on one machine for another.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS = 16, NAME = 32 };
typedef struct {
    char name[NAME];
    int64_t arguments[ARGUMENTS]; // integers, and pointers relative to the memory
} Call;
typedef struct {
    int64_t pointers, calls, size; // then: offsets of pointers; the memory, which begins with the calls
} Header;
typedef void Function(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t,
                      int64_t, int64_t, int64_t);

static void check(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "replay: %s\n", what);
    exit(1);
}

static Function *find(char **libraries, const char *name) {
    for (; *libraries; libraries++) {
        void *library = dlopen(*libraries, RTLD_NOW), *symbol = library ? dlsym(library, name) : NULL;
        check(library != NULL, dlerror());
        if (symbol) return (Function *)symbol;
    }
    check(0, name);
    return NULL;
}

int main(int count, char **words) {
    check(count > 3, "usage: replay RECORDING RESULT LIBRARY...");
    FILE *in = fopen(words[1], "rb");
    Header head;
    check(in && fread(&head, sizeof head, 1, in) == 1, words[1]);
    int64_t *pointers = malloc(sizeof *pointers * head.pointers);
    char *memory = aligned_alloc(64, (head.size + 63) / 64 * 64);
    check(pointers && memory, "out of memory");
    check(fread(pointers, sizeof *pointers, head.pointers, in) == (size_t)head.pointers, "recording is cut");
    check(fread(memory, 1, head.size, in) == (size_t)head.size, "recording is cut");
    for (int64_t i = 0; i < head.pointers; i++) *(int64_t *)(memory + pointers[i]) += (int64_t)memory;
    for (const Call *call = (Call *)memory; call < (Call *)memory + head.calls; call++) {
        const int64_t *a = call->arguments;
        find(words + 3, call->name)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15]);
    }
    for (int64_t i = 0; i < head.pointers; i++) *(int64_t *)(memory + pointers[i]) -= (int64_t)memory;
    FILE *out = fopen(words[2], "wb");
    check(out && fwrite(memory, 1, head.size, out) == (size_t)head.size && !fclose(out), words[2]);
    return 0;
}
