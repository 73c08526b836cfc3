// What the C library would ask of WASI, answered inside the guest, so that the module imports nothing but skep.
// There are no files, no arguments and no environment here. Must not know the engine.
#include <stdint.h>
#include <string.h>
#include <wasi/api.h>

// The turn's clocks: the rest of the glue defines them from what the host filled in.
extern uint64_t skep_wall_ns(void);
extern uint64_t skep_mono_ns(void);

// An import is an undefined symbol of this odd name; defining it here is what keeps it out of the import section.
#define STUB(name) __imported_wasi_snapshot_preview1_##name

int32_t STUB(clock_time_get)(int32_t id, int64_t precision, int32_t result)
{
    (void)precision;
    uint64_t now;
    switch (id) {
    case 0: // CLOCK_REALTIME
        now = skep_wall_ns();
        break;
    case 1: // CLOCK_MONOTONIC; clock() asks for it too
        now = skep_mono_ns();
        break;
    default:
        return __WASI_ERRNO_INVAL;
    }
    memcpy((void *)(uintptr_t)result, &now, sizeof now);
    return 0;
}

// stdout and stderr take anything and keep nothing: output that matters goes through skep.
int32_t STUB(fd_write)(int32_t fd, int32_t iovs, int32_t count, int32_t result)
{
    const __wasi_ciovec_t *parts = (const __wasi_ciovec_t *)(uintptr_t)iovs;
    uint32_t total = 0;
    if (fd != 1 && fd != 2)
        return __WASI_ERRNO_BADF;
    for (int32_t i = 0; i < count; i++)
        total += (uint32_t)parts[i].buf_len;
    memcpy((void *)(uintptr_t)result, &total, sizeof total);
    return 0;
}

int32_t STUB(fd_close)(int32_t fd)
{
    (void)fd;
    return __WASI_ERRNO_BADF;
}

int32_t STUB(fd_seek)(int32_t fd, int64_t offset, int32_t whence, int32_t result)
{
    (void)fd, (void)offset, (void)whence, (void)result;
    return __WASI_ERRNO_SPIPE;
}

int32_t STUB(fd_fdstat_get)(int32_t fd, int32_t result)
{
    (void)fd, (void)result;
    return __WASI_ERRNO_BADF;
}

_Noreturn void STUB(proc_exit)(int32_t code)
{
    (void)code;
    __builtin_trap();
}
