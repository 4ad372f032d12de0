#pragma once

// What Swift's Glibc module does not hand over: epoll, eventfd, timerfd, variadic and macro-shaped
// calls, futexes, and a signal handler, which must be C because nothing of Swift's run time may be
// entered from one.

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

/// pipe2(2) with O_CLOEXEC; `ends[0]` is read from, `ends[1]` written to.
int clinux_pipe(int ends[2]);

/// `fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)`, variadic in C.
int clinux_set_nonblocking(int descriptor);

/// Bytes that were sent on a socket and that its peer has not taken yet (SIOCOUTQ, tcp(7)); -1
/// with errno.
int clinux_untaken_bytes(int socket);

/// open(2), variadic in C. `direct` adds O_DIRECT, which Swift's module does not know.
int clinux_open(const char *path, int flags, unsigned mode, int direct);

/// renameat2(2) on paths, with RENAME_NOREPLACE.
int clinux_rename_without_replacing(const char *from, const char *to);

/// Names the calling thread; the kernel keeps 15 bytes.
int clinux_name_this_thread(const char *name);

/// accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC.
int clinux_accept(int listener, struct sockaddr_storage *peer, socklen_t *length);

/// "EADDRINUSE", and the system's English sentence for it; NULL for a number without a name.
const char *clinux_errno_name(int number);
const char *clinux_errno_description(int number);

/// Processors that this process may run on; 0 when the kernel does not tell.
int clinux_usable_processors(void);

/// From now on each arrival of `signal_number` writes that number as one byte to `descriptor`
/// (non-blocking, so that the handler cannot hang). Returns 0, or -1 with errno.
int clinux_forward_signal(int signal_number, int descriptor);

/// From now on `signal_number` does nothing. Returns 0, or -1 with errno.
int clinux_ignore_signal(int signal_number);

/// Gives `signal_number` its default action back.
int clinux_restore_signal(int signal_number);

/// A counting semaphore in one word, zero at first (futex(2)). `post` adds permits and wakes as
/// many waiters with one call of the system; `wait` takes a permit, once there is one.
void clinux_semaphore_post(uint32_t *permits, uint32_t count);
void clinux_semaphore_wait(uint32_t *permits);
