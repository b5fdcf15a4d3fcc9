/*
 * What a test loads before the C library (LD_PRELOAD), to make a disk fail or set the clock back while a program runs: the first as long as
 * the file that FAULT_FSYNC names is there, the second, by ten days, as long as that of FAULT_CLOCK is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const time_t TEN_DAYS = 10 * 24 * 3600;

static int is_on(const char *variable) {
    const char *file = getenv(variable);
    int before = errno;
    int on = file != NULL && access(file, F_OK) == 0;
    errno = before;
    return on;
}

static int force(const char *name, int fd) {
    if (is_on("FAULT_FSYNC")) {
        errno = EIO;
        return -1;
    }
    int (*next)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    return next(fd);
}

int fsync(int fd) {
    return force("fsync", fd);
}

int fdatasync(int fd) {
    return force("fdatasync", fd);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*next)(clockid_t, struct timespec *);
    if (next == NULL) {
        next = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
    }
    int result = next(clock, now);
    if (clock == CLOCK_REALTIME && is_on("FAULT_CLOCK")) {
        now->tv_sec -= TEN_DAYS;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*next)(struct timeval *, void *);
    if (next == NULL) {
        next = (int (*)(struct timeval *, void *)) dlsym(RTLD_NEXT, "gettimeofday");
    }
    int result = next(now, zone);
    if (is_on("FAULT_CLOCK")) {
        now->tv_sec -= TEN_DAYS;
    }
    return result;
}
