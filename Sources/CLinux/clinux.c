#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/futex.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int clinux_untaken_bytes(int socket) {
    int count = 0;
    return ioctl(socket, SIOCOUTQ, &count) == 0 ? count : -1;
}

int clinux_open(const char *path, int flags, unsigned mode, int direct) {
    return open(path, flags | O_CLOEXEC | (direct ? O_DIRECT : 0), mode);
}


int clinux_rename_without_replacing(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

int clinux_name_this_thread(const char *name) {
    return pthread_setname_np(pthread_self(), name);
}

int clinux_accept(int listener, struct sockaddr_storage *peer, socklen_t *length) {
    return accept4(listener, (struct sockaddr *)peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_set_nonblocking(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

const char *clinux_errno_name(int number) { return strerrorname_np(number); }

const char *clinux_errno_description(int number) { return strerrordesc_np(number); }

int clinux_usable_processors(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    return CPU_COUNT(&set);
}

static void futex(uint32_t *word, int operation, uint32_t value) {
    // Nothing that can go wrong here is worth more than another look at the word.
    (void)syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

void clinux_semaphore_post(uint32_t *permits, uint32_t count) {
    __atomic_fetch_add(permits, count, __ATOMIC_RELEASE);
    futex(permits, FUTEX_WAKE, count);
}

void clinux_semaphore_wait(uint32_t *permits) {
    for (;;) {
        uint32_t count = __atomic_load_n(permits, __ATOMIC_RELAXED);
        if (count == 0) {
            futex(permits, FUTEX_WAIT, 0);
        } else if (__atomic_compare_exchange_n(permits, &count, count - 1, true,
                                               __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            return;
        }
    }
}

// One write end for each signal, stored plus one so that zero means "nobody listens".
static atomic_int listener_of_signal[64];

static void forward(int signal_number) {
    int saved = errno;
    int descriptor = atomic_load(&listener_of_signal[signal_number]) - 1;
    if (descriptor >= 0) {
        unsigned char byte = (unsigned char)signal_number;
        // The pipe holds 64 KiB of signals that nobody has taken yet; more than that is lost.
        ssize_t written = write(descriptor, &byte, 1);
        (void)written;
    }
    errno = saved;
}

int clinux_forward_signal(int signal_number, int descriptor) {
    if (signal_number <= 0 || signal_number >= 64) {
        errno = EINVAL;
        return -1;
    }
    atomic_store(&listener_of_signal[signal_number], descriptor + 1);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = forward;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    return sigaction(signal_number, &action, NULL);
}

int clinux_ignore_signal(int signal_number) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_IGN;
    return sigaction(signal_number, &action, NULL);
}

int clinux_restore_signal(int signal_number) {
    if (signal_number <= 0 || signal_number >= 64) {
        errno = EINVAL;
        return -1;
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    int result = sigaction(signal_number, &action, NULL);
    atomic_store(&listener_of_signal[signal_number], 0);
    return result;
}
