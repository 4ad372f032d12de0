"""Requests that are not HTTP/1.1, or mean two things at once. `{name}` is a session's name.

Each is (bytes, status, code). The answer is the last one of its connection.
"""

GET = b"GET /livez HTTP/1.1\r\nHost: a\r\n"
POST = (b"POST /v1/sessions/{name}/steps HTTP/1.1\r\nHost: a\r\n"
        b"Content-Type: application/octet-stream\r\n")
BAD = (400, "malformed-request")
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REQUEST_LINES = {
    "two spaces": (b"GET  /livez HTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "space at the end": (b"GET /livez HTTP/1.1 \r\nHost: a\r\n\r\n", *BAD),
    "tab": (b"GET\t/livez\tHTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "no version": (b"GET /livez\r\nHost: a\r\n\r\n", *BAD),
    "lower case version": (b"GET /livez http/1.1\r\nHost: a\r\n\r\n", *BAD),
    "version 1.10": (b"GET /livez HTTP/1.10\r\nHost: a\r\n\r\n", *BAD),
    "version 2.0": (b"GET /livez HTTP/2.0\r\nHost: a\r\n\r\n", 505, "version-not-supported"),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version-not-supported"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", *BAD),
    "fragment": (b"GET /livez#a HTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "raw UTF-8": (b"GET /liv\xc3\xa9z HTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "control character": (b"GET /liv\x01ez HTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "NUL": (b"GET /livez\0 HTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "relative target": (b"GET livez HTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "empty method": (b" /livez HTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "method with a colon": (b"GE:T /livez HTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "percent sign alone": (b"GET /v1/sessions/a%2 HTTP/1.1\r\nHost: a\r\n\r\n", *BAD),
    "too long": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "uri-too-long"),
    "too long and without an end": (b"GET /" + b"a" * 60_000, 414, "uri-too-long"),
}

FIELDS = {
    "bare LF": (b"GET /livez HTTP/1.1\nHost: a\n\n", *BAD),
    "bare LF in a field": (GET + b"A: b\nC: d\r\n\r\n", *BAD),
    "bare CR in a field": (GET + b"A: b\rC: d\r\n\r\n", *BAD),
    "NUL in a field": (GET + b"A: b\0\r\n\r\n", *BAD),
    "control character in a field": (GET + b"A: b\x0b\r\n\r\n", *BAD),
    "space before the colon": (GET + b"A : b\r\n\r\n", *BAD),
    "folded line": (GET + b"A: b\r\n c\r\n\r\n", *BAD),
    "folded first line": (b"GET /livez HTTP/1.1\r\n Host: a\r\n\r\n", *BAD),
    "no colon": (GET + b"A\r\n\r\n", *BAD),
    "no name": (GET + b": b\r\n\r\n", *BAD),
    "name with a space": (GET + b"A B: c\r\n\r\n", *BAD),
    "name outside ASCII": (GET + b"\xc3\xa9: c\r\n\r\n", *BAD),
    "no Host": (b"GET /livez HTTP/1.1\r\n\r\n", *BAD),
    "two Hosts": (GET + b"Host: a\r\n\r\n", *BAD),
    "Host with a path": (b"GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n", *BAD),
    "Host with a login": (b"GET /livez HTTP/1.1\r\nHost: a@b\r\n\r\n", *BAD),
    "too many": (GET + b"A: b\r\n" * 101 + b"\r\n", 431, "fields-too-large"),
    "too large": (GET + b"A: " + b"b" * 40_000 + b"\r\n\r\n", 431, "fields-too-large"),
    "too large without an end": (GET + b"A: " + b"b" * 100_000, 431, "fields-too-large"),
    "unknown expectation": (POST + b"Content-Length: 24\r\nExpect: 200-ok\r\n\r\n",
                            417, "expectation-failed"),
}

FRAMING = {
    "length and chunked": (
        POST + b"Content-Length: 24\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", *BAD),
    "chunked and length": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 24\r\n\r\n0\r\n\r\n", *BAD),
    "two lengths": (POST + b"Content-Length: 24\r\nContent-Length: 25\r\n\r\n", *BAD),
    "list of lengths": (POST + b"Content-Length: 24, 25\r\n\r\n", *BAD),
    "empty length": (POST + b"Content-Length: \r\n\r\n", *BAD),
    "length with a sign": (POST + b"Content-Length: +24\r\n\r\n", *BAD),
    "negative length": (POST + b"Content-Length: -1\r\n\r\n", *BAD),
    "hexadecimal length": (POST + b"Content-Length: 0x18\r\n\r\n", *BAD),
    "length with a space": (POST + b"Content-Length: 2 4\r\n\r\n", *BAD),
    "length with a fraction": (POST + b"Content-Length: 24.0\r\n\r\n", *BAD),
    "length beyond 64 bits": (POST + b"Content-Length: 18446744073709551640\r\n\r\n", *BAD),
    "unknown coding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", None, None),
    "coding after chunked": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", None, None),
    "coding before chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
                              501, "not-implemented"),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n", None, None),
    "chunked in two fields": (
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", None, None),
    "identity": (POST + b"Transfer-Encoding: identity\r\n\r\n", None, None),
    "xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n", None, None),
    "empty coding": (POST + b"Transfer-Encoding: \r\n\r\n", None, None),
    "chunked with a vertical tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", *BAD),
    "chunked in HTTP/1.0": (
        CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n", *BAD),
}

CHUNKS = {
    "size is not a number": (CHUNKED + b"g\r\n", *BAD),
    "size is empty": (CHUNKED + b"\r\n", *BAD),
    "size with a sign": (CHUNKED + b"+8\r\n", *BAD),
    "negative size": (CHUNKED + b"-8\r\n", *BAD),
    "size with 0x": (CHUNKED + b"0x8\r\n", *BAD),
    "size beyond 64 bits": (CHUNKED + b"10000000000000008\r\n", *BAD),
    "size of 2^64 - 1": (CHUNKED + b"ffffffffffffffff\r\n", None, None),
    "bare LF after the size": (CHUNKED + b"8\n12345678\r\n0\r\n\r\n", *BAD),
    "no CRLF after the data": (CHUNKED + b"8\r\n12345678xx0\r\n\r\n", *BAD),
    "bare LF after the data": (CHUNKED + b"8\r\n12345678\n0\r\n\r\n", *BAD),
    "space in the size": (CHUNKED + b"8 8\r\n", *BAD),
    "endless extension": (CHUNKED + b"8;a=" + b"b" * 100_000, *BAD),
    "extension with a bare LF": (CHUNKED + b"8;a\n\r\n", *BAD),
    "trailer with a space": (CHUNKED + b"18\r\n" + bytes(24) + b"\r\n0\r\nA : b\r\n\r\n", *BAD),
    "trailers too large": (CHUNKED + b"18\r\n" + bytes(24) + b"\r\n0\r\nA: " + b"b" * 100_000,
                           None, None),
}

ALL = {f"{group}: {name}": attack
       for group, attacks in (("line", REQUEST_LINES), ("fields", FIELDS), ("framing", FRAMING),
                              ("chunks", CHUNKS))
       for name, attack in attacks.items()}
