"""A TLS 1.3 client that can do what Python's ssl cannot: send key updates (RFC 8446 §4.6.3)."""

import ctypes
import ctypes.util
import socket

SSL_KEY_UPDATE_NOT_REQUESTED = 0


def library():
    ssl = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
    pointer = ctypes.c_void_p
    for name, result, arguments in [
        ("TLS_client_method", pointer, []), ("SSL_CTX_new", pointer, [pointer]),
        ("SSL_new", pointer, [pointer]), ("SSL_free", None, [pointer]),
        ("SSL_CTX_free", None, [pointer]), ("SSL_set_fd", ctypes.c_int, [pointer, ctypes.c_int]),
        ("SSL_connect", ctypes.c_int, [pointer]), ("SSL_do_handshake", ctypes.c_int, [pointer]),
        ("SSL_key_update", ctypes.c_int, [pointer, ctypes.c_int]),
        ("SSL_write", ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.c_int]),
        ("SSL_read", ctypes.c_int, [pointer, ctypes.c_void_p, ctypes.c_int]),
    ]:
        function = getattr(ssl, name)
        function.restype, function.argtypes = result, arguments
    return ssl


class Client:
    """Verifies nothing: it is there to misbehave."""

    def __init__(self, port):
        self.ssl = library()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=None)
        self.context = self.ssl.SSL_CTX_new(self.ssl.TLS_client_method())
        self.connection = self.ssl.SSL_new(self.context)
        self.ssl.SSL_set_fd(self.connection, self.socket.fileno())
        assert self.ssl.SSL_connect(self.connection) == 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ssl.SSL_free(self.connection)
        self.ssl.SSL_CTX_free(self.context)
        self.socket.close()

    def update_keys(self):
        """False when the peer is gone."""
        assert self.ssl.SSL_key_update(self.connection, SSL_KEY_UPDATE_NOT_REQUESTED) == 1
        return self.ssl.SSL_do_handshake(self.connection) == 1

    def send(self, data):
        return self.ssl.SSL_write(self.connection, data, len(data)) == len(data)

    def receive(self):
        """Up to 64 KiB, nothing at the end."""
        room = ctypes.create_string_buffer(65536)
        count = self.ssl.SSL_read(self.connection, room, len(room))
        return room.raw[:count] if count > 0 else b""
