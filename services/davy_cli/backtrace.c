// The last words of a process that native code kills: the signal and a native backtrace on stderr, then whatever handled it before.
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "abi.h"
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#endif

enum { FRAMES = 64 };

static const int fatal[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
static struct sigaction before[sizeof fatal / sizeof *fatal];

static void write_text(const char *text) {
    if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

static void on_fatal(int number) {
    char head[] = "davy: fatal signal 00, native backtrace:\n";
    head[19] = (char)('0' + number / 10);
    head[20] = (char)('0' + number % 10);
    write_text(head);
#if __has_include(<execinfo.h>)
    void *frames[FRAMES];
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES), STDERR_FILENO);
#endif
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (fatal[i] == number) sigaction(number, &before[i], NULL);
    raise(number);
}

// Returns 0, or -1 where a handler cannot be set. Call it after faulthandler; a second call does nothing.
int davy_write_crashes(void) {
    static int installed;
    if (installed++) return 0;
#if __has_include(<execinfo.h>)
    void *frames[1];
    backtrace(frames, 1); // loads what it needs now: a handler must not allocate
#endif
    struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (sigaction(fatal[i], &action, &before[i])) return -1;
    return 0;
}

EXPORT_ABI
