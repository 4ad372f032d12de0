"""Bodies that are wrong in one way each. Tests provoke them; endurance repeats them."""

import json
import struct

DATA = bytes(24)
B = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
W = {"dtype": "F32", "shape": [2, 2], "data_offsets": [8, 24]}
VALID = {"b": B, "w": W}


def file(header, data=DATA, length=None):
    """A safetensors file with this header, as an object or as text."""
    text = header if isinstance(header, (str, bytes)) else json.dumps(header)
    text = text.encode("utf-8") if isinstance(text, str) else text
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def with_b(**change):
    return {"b": B | change, "w": W}


def text_with_b(entry):
    return '{"b":' + entry + ',"w":' + json.dumps(W) + "}"


# What breaks the file format itself: 400 malformed-safetensors.
MALFORMED_SAFETENSORS = {
    "empty": b"",
    "prefix cut": file(VALID)[:5],
    "prefix only": file(VALID)[:8],
    "header cut": file(VALID)[:40],
    "data cut": file(VALID)[:-1],
    "no data": file(VALID, b""),
    "trailing byte": file(VALID) + b"\0",
    "header length 0": struct.pack("<Q", 0) + DATA,
    "header length beyond the body": file(VALID, length=10_000),
    "header length beyond the limit": file(VALID, length=1 << 30),
    "header length 2^63": file(VALID, length=1 << 63),
    "header length 2^64 - 1": file(VALID, length=(1 << 64) - 1),
    "header is not an object": file("[]"),
    "header is a string": file('"b"'),
    "header is not JSON": file('{"b": }'),
    "header has garbage after it": file(json.dumps(VALID) + "x"),
    "header begins with a space": file(" " + json.dumps(VALID)),
    "header is not UTF-8": file(json.dumps(VALID).replace("b", "\xff", 1).encode("latin-1")),
    "header has a byte order mark": file("\ufeff" + json.dumps(VALID)),
    "header nests deep": file('{"b":' + "[" * 5000 + "]" * 5000 + "}"),
    "duplicate tensor": file('{"b":%s,"b":%s,"w":%s}' % (*(json.dumps(B),) * 2, json.dumps(W))),
    "duplicate tensor by an escape": file(
        '{"b":%s,"\\u0062":%s,"w":%s}' % (*(json.dumps(B),) * 2, json.dumps(W))),
    "duplicate member": file(text_with_b(
        '{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}')),
    "unknown dtype": file(with_b(dtype="F7")),
    "dtype is a number": file(with_b(dtype=32)),
    "dtype is missing": file({"b": {"shape": [2], "data_offsets": [0, 8]}, "w": W}),
    "shape is missing": file({"b": {"dtype": "F32", "data_offsets": [0, 8]}, "w": W}),
    "offsets are missing": file({"b": {"dtype": "F32", "shape": [2]}, "w": W}),
    "unknown member": file(with_b(colour="blue")),
    "entry is null": file({"b": None, "w": W}),
    "entry is an array": file({"b": [], "w": W}),
    "shape is an object": file(with_b(shape={})),
    "shape is negative": file(with_b(shape=[-2])),
    "shape has a fraction": file(text_with_b(
        '{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}')),
    "shape has text": file(with_b(shape=["2"])),
    "shape has null": file(with_b(shape=[None])),
    "shape overflows by one number": file(with_b(shape=[1 << 63])),
    "shape is beyond 64 bits": file(with_b(shape=[1 << 70])),
    "shape overflows by product": file(with_b(shape=[1 << 32, 1 << 32])),
    "shape overflows but wraps to 8 bytes": file(with_b(shape=[(1 << 62) + 2])),
    "shape overflows before a zero": file(with_b(shape=[1 << 62, 1 << 62, 0])),
    "rank beyond the limit": file(with_b(shape=[2] + [1] * 40)),
    "shape does not match the offsets": file(with_b(shape=[3])),
    "offsets backwards": file(with_b(data_offsets=[8, 0])),
    "offsets negative": file(with_b(data_offsets=[-8, 0])),
    "offsets beyond the data": file(with_b(data_offsets=[24, 32])),
    "offsets at 2^63": file(with_b(data_offsets=[(1 << 63) - 8, 1 << 63])),
    "one offset": file(with_b(data_offsets=[0])),
    "three offsets": file(with_b(data_offsets=[0, 8, 8])),
    "hole at the start": file({"b": B | {"data_offsets": [8, 16]},
                               "w": W | {"data_offsets": [16, 32]}}, bytes(32)),
    "hole between": file({"b": B, "w": W | {"data_offsets": [16, 32]}}, bytes(32)),
    "overlap": file({"b": B, "w": W | {"data_offsets": [4, 20]}}, bytes(20)),
    "same data twice": file({"b": B, "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}},
                            bytes(8)),
    "metadata is an array": file({"__metadata__": [], **VALID}),
    "metadata has a number": file({"__metadata__": {"options": 1}, **VALID}),
    "metadata has an object": file({"__metadata__": {"options": {}}, **VALID}),
    "metadata twice": file('{"__metadata__":{},"__metadata__":{},"b":%s,"w":%s}' % (
        json.dumps(B), json.dumps(W))),
    "metadata key twice": file('{"__metadata__":{"a":"1","a":"2"},"b":%s,"w":%s}' % (
        json.dumps(B), json.dumps(W))),
}

# Well-formed files that are not this session's gradients: 422 and where.
FOREIGN_SAFETENSORS = {
    "wrong shape": (file(with_b(shape=[2, 1])), "shape-mismatch", "/gradients/b"),
    "wrong size": (file({"b": B | {"shape": [1], "data_offsets": [0, 4]},
                         "w": W | {"data_offsets": [4, 20]}}, bytes(20)),
                   "shape-mismatch", "/gradients/b"),
    "integers": (file(with_b(dtype="I32")), "dtype-mismatch", "/gradients/b"),
    "8-bit floats": (file({"b": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]},
                           "w": W | {"data_offsets": [2, 18]}}, bytes(18)),
                     "dtype-mismatch", "/gradients/b"),
    "missing": (file({"w": W | {"data_offsets": [0, 16]}}, bytes(16)),
                "missing-gradient", "/gradients/b"),
    "no tensors": (file({}, b""), "missing-gradient", None),
    "unknown": (file(VALID | {"x~/y": {"dtype": "F32", "shape": [0], "data_offsets": [24, 24]}}),
                "unknown-parameter", "/gradients/x~0~1y"),
    "options are not an object": (file({"__metadata__": {"options": "[]"}, **VALID}),
                                  "invalid-value", None),
}

# JSON that is not JSON: 400 malformed-json.
MALFORMED_JSON = {
    "empty": b"",
    "blank": b" \n",
    "cut in the object": b'{"gradients": {"b": [1, 2]',
    "cut in a number": b'{"gradients": {"b": [1, 2',
    "cut in a string": b'{"gradi',
    "garbage after": b'{"gradients": {"b": [0, 0], "w": [[0, 0], [0, 0]]}} x',
    "two documents": b'{}{}',
    "NaN": b'{"gradients": {"b": [NaN, 0], "w": [[0, 0], [0, 0]]}}',
    "Infinity": b'{"gradients": {"b": [Infinity, 0], "w": [[0, 0], [0, 0]]}}',
    "-Infinity": b'{"gradients": {"b": [-Infinity, 0], "w": [[0, 0], [0, 0]]}}',
    "leading zero": b'{"gradients": {"b": [01, 0], "w": [[0, 0], [0, 0]]}}',
    "leading plus": b'{"gradients": {"b": [+1, 0], "w": [[0, 0], [0, 0]]}}',
    "no digit before the point": b'{"gradients": {"b": [.5, 0], "w": [[0, 0], [0, 0]]}}',
    "no digit after the point": b'{"gradients": {"b": [5., 0], "w": [[0, 0], [0, 0]]}}',
    "no exponent": b'{"gradients": {"b": [5e, 0], "w": [[0, 0], [0, 0]]}}',
    "hexadecimal": b'{"gradients": {"b": [0x1, 0], "w": [[0, 0], [0, 0]]}}',
    "minus alone": b'{"gradients": {"b": [-, 0], "w": [[0, 0], [0, 0]]}}',
    "trailing comma in an array": b'{"gradients": {"b": [0, 0,], "w": [[0, 0], [0, 0]]}}',
    "trailing comma in an object": b'{"gradients": {"b": [0, 0], "w": [[0, 0], [0, 0]],}}',
    "missing comma": b'{"gradients": {"b": [0 0], "w": [[0, 0], [0, 0]]}}',
    "comment": b'{"gradients": /* none */ {"b": [0, 0], "w": [[0, 0], [0, 0]]}}',
    "single quotes": b"{'gradients': {'b': [0, 0]}}",
    "byte order mark": b'\xef\xbb\xbf{"gradients": {"b": [0, 0], "w": [[0, 0], [0, 0]]}}',
    "UTF-16": '{"gradients": {"b": [0, 0]}}'.encode("utf-16"),
    "not UTF-8": b'{"gradients": {"b\xff": [0, 0]}}',
    "overlong UTF-8": b'{"gradients": {"\xc1\xa2": [0, 0]}}',
    "encoded surrogate": b'{"gradients": {"\xed\xa0\x80": [0, 0]}}',
    "lone high surrogate": b'{"gradients": {"\\ud800": [0, 0]}}',
    "lone low surrogate": b'{"gradients": {"\\udc00": [0, 0]}}',
    "unknown escape": b'{"gradients": {"\\x62": [0, 0]}}',
    "control character in a string": b'{"gradients": {"a\nb": [0, 0]}}',
    "duplicate tensor": b'{"gradients": {"b": [0, 0], "b": [0, 0], "w": [[0, 0], [0, 0]]}}',
    "duplicate tensor by an escape":
        b'{"gradients": {"b": [0, 0], "\\u0062": [0, 0], "w": [[0, 0], [0, 0]]}}',
    "duplicate member":
        b'{"loss": 1, "gradients": {"b": [0, 0], "w": [[0, 0], [0, 0]]}, "loss": 1}',
    "duplicate gradients": b'{"gradients": {"b": [0, 0]}, "gradients": {"w": [[0, 0], [0, 0]]}}',
    "deep objects": b'{"lr": ' + b'{"a":' * 70 + b"1" + b"}" * 70 + b"}",
    "wrong literal": b'{"gradients": nul}',
    "NUL": b'{"gradients": {"b": [0, 0]}}\0',
}
