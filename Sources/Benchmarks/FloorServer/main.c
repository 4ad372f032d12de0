// The floor under a raw F32 step over HTTP: read the body, run the same Adam loop, write the
// answer. It has one thread, one session and no opinions: it trusts its client, so it listens on
// the loopback interface only. `load-benchmark step` measures the service against it.
//
//     floor-server [PORT]      0, the default, picks a free port; the address is printed
//
//     GET  anything            200 "ok\n"
//     POST anything            body: n little-endian F32 gradients; answer: n parameters. Another
//                              n than before starts anew, from parameters that are all zero.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "session.h"

enum { HEAD_CAPACITY = 8192, EVENT_CAPACITY = 64, LISTEN_BACKLOG = 512 };

static void die(const char *what) {
    fprintf(stderr, "floor-server: %s: %s\n", what, strerror(errno));
    exit(1);
}

// Sends head and body as one stream; false when the peer is gone.
static bool send_all(int socket, const char *head, size_t head_bytes, void *body,
                     size_t body_bytes) {
    struct iovec parts[2] = {{(void *)head, head_bytes}, {body, body_bytes}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = body_bytes ? 2 : 1};
    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            return false;
        }
        while (message.msg_iovlen > 0 && (size_t)sent >= message.msg_iov->iov_len) {
            sent -= (ssize_t)message.msg_iov->iov_len;
            message.msg_iov++;
            message.msg_iovlen--;
        }
        if (message.msg_iovlen > 0) {
            message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + sent;
            message.msg_iov->iov_len -= (size_t)sent;
        }
    }
    return true;
}

static bool receive_all(int socket, char *bytes, size_t count) {
    while (count > 0) {
        ssize_t received = recv(socket, bytes, count, MSG_WAITALL);
        if (received < 0 && errno == EINTR) continue;
        if (received <= 0) return false;
        bytes += received;
        count -= (size_t)received;
    }
    return true;
}

// Reads at least one whole head. Returns where it ends in `head`, or 0 when the peer is gone or
// the head too long; `*received` counts all bytes read, of which some may be the body's.
static size_t receive_head(int socket, char *head, size_t *received) {
    *received = 0;
    while (*received < HEAD_CAPACITY) {
        ssize_t count = recv(socket, head + *received, HEAD_CAPACITY - *received, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return 0;
        *received += (size_t)count;
        head[*received] = 0;
        char *end = strstr(head, "\r\n\r\n");
        if (end) return (size_t)(end + 4 - head);
    }
    return 0;
}

static bool answer_step(int socket, struct session *session, char *head, size_t head_bytes,
                        size_t received) {
    const char *field = strcasestr(head, "\r\ncontent-length:");
    if (!field || field >= head + head_bytes) return false;
    size_t body_bytes = strtoull(field + strlen("\r\ncontent-length:"), NULL, 10);
    size_t early_bytes = received - head_bytes;
    if (body_bytes % sizeof(float) != 0 || early_bytes > body_bytes) return false;

    float *vector = session_vector(session, body_bytes / sizeof(float));
    if (!vector) die("memory");
    memcpy(vector, head + head_bytes, early_bytes);
    if (!receive_all(socket, (char *)vector + early_bytes, body_bytes - early_bytes)) return false;
    session_step(session);

    char answer[160];
    int answer_bytes = snprintf(answer, sizeof answer,
                                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                                "Content-Length: %zu\r\n\r\n",
                                body_bytes);
    return send_all(socket, answer, (size_t)answer_bytes, vector, body_bytes);
}

// Serves one request on a socket that has something to read. Blocks until it is answered, which
// costs a client in a closed loop nothing. False when the connection is to be closed.
static bool serve(int socket, struct session *session) {
    static const char healthy[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";
    char head[HEAD_CAPACITY + 1];
    size_t received;
    size_t head_bytes = receive_head(socket, head, &received);
    if (head_bytes == 0) return false;
    if (strncmp(head, "POST ", 5) == 0) {
        return answer_step(socket, session, head, head_bytes, received);
    }
    // Pipelined requests would be lost here, so they are refused.
    if (strncmp(head, "GET ", 4) != 0 || received != head_bytes) return false;
    return send_all(socket, healthy, sizeof healthy - 1, NULL, 0);
}

static int listen_on_loopback(uint16_t port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) die("socket");
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) < 0) die("bind");
    if (listen(listener, LISTEN_BACKLOG) < 0) die("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &length) < 0) die("getsockname");
    printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void watch(int poller, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0) die("epoll_ctl");
}

static void accept_one(int poller, int listener) {
    int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket < 0) return;  // the peer has left again
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(poller, socket);
}

int main(int argc, char **argv) {
    char *end = "";
    long port = argc > 1 ? strtol(argv[1], &end, 10) : 0;
    if (argc > 2 || *end != 0 || port < 0 || port > UINT16_MAX) {
        fprintf(stderr, "usage: floor-server [PORT]\n");
        return 64;
    }
    int listener = listen_on_loopback((uint16_t)port);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) die("epoll_create1");
    watch(poller, listener);
    struct session session = {0};
    for (;;) {
        struct epoll_event events[EVENT_CAPACITY];
        int count = epoll_wait(poller, events, EVENT_CAPACITY, -1);
        if (count < 0 && errno != EINTR) die("epoll_wait");
        for (int index = 0; index < count; index++) {
            int descriptor = events[index].data.fd;
            if (descriptor == listener) {
                accept_one(poller, listener);
            } else if (!serve(descriptor, &session)) {
                close(descriptor);
            }
        }
    }
}
