/* A library to preload: every fsync and fdatasync takes FSYNC_DELAY_US microseconds longer, as on a disk that really has to
 * write. The benchmark compiles it and runs the provider with it (`cargo bench --bench provider -- --disk`). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int slowly(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *text = getenv("FSYNC_DELAY_US");
    long micros = text ? atol(text) : 0;
    struct timespec delay = { micros / 1000000, (micros % 1000000) * 1000 };
    nanosleep(&delay, NULL);
    return real(fd);
}

int fsync(int fd)
{
    return slowly("fsync", fd);
}

int fdatasync(int fd)
{
    return slowly("fdatasync", fd);
}
