"""Bodies compressed by Python's zlib, and answers made plain again."""

import gzip
import zlib


def deflate(body):
    return zlib.compress(body)


def inflate(response):
    """The answer's body without its content coding, which must be whole and alone."""
    coding = response.header("Content-Encoding")
    if coding is None:
        return response.body
    stream = zlib.decompressobj({"gzip": 31, "deflate": 15}[coding])
    body = stream.decompress(response.body)
    assert stream.eof and stream.unused_data == b"" and stream.unconsumed_tail == b""
    return body


CODINGS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": deflate}


def bomb(before, filler, count, after=b""):
    """gzip of `before`, then `count` of the byte `filler`, then `after`, in little memory."""
    stream = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [stream.compress(before)]
    piece = filler * (1 << 20)
    for _ in range(count >> 20):
        parts.append(stream.compress(piece))
    parts += [stream.compress(piece[: count % (1 << 20)]), stream.compress(after), stream.flush()]
    return b"".join(parts)
