#!/usr/bin/env python3
"""Lists the records of optimizerd's step logs and journals, and proves each by its checksums.

    read_log.py ~/.local/state/optimizerd/sessions/*/log-*

README, "Files", tells the format. A file may be read while the service writes to it: what is not
whole yet is told as torn.
"""

import struct
import sys
from typing import NamedTuple

HEADER = struct.Struct("<8s I II B3x qqq qi I qqq 8x")
KINDS = {1: "opening", 2: "step", 3: "skip", 4: "settings", 5: "parameters", 6: "state",
         7: "batch", 8: "gradients", 9: "zero"}
TRAILER = int.from_bytes(b"OPTLOGND", "little")


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()


def crc32c(data, crc=0):
    """CRC-32C (Castagnoli, RFC 3720 appendix B.4): crc32c(b"123456789") is 0xE3069283."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Damaged(Exception):
    """The file does not hold what was written to it."""


class Record(NamedTuple):
    offset: int
    length: int
    kind: str
    position: int
    generation: int
    step: int
    seconds: int
    nanoseconds: int
    detail: bytes
    payload: bytes


def records(data):
    """The whole records of a segment, in order. Ends where the segment ends or is torn."""
    offset, position = 0, None
    while len(data) - offset >= HEADER.size:
        head = data[offset:offset + HEADER.size]
        (magic, checksum, detail_crc, payload_crc, kind, number, generation, step, seconds,
         nanoseconds, detail_bytes, payload_bytes, payload_start, length) = HEADER.unpack(head)
        if magic != b"OPTLOG01" or crc32c(head[12:]) != checksum or kind not in KINDS:
            # The machine stopped before the record was whole, or somebody changed it.
            if data[-8:] == bytes(8):
                return
            raise Damaged(f"byte {offset}: no record starts here")
        if position is not None and number != position + 1:
            raise Damaged(f"byte {offset}: record {number} follows {position}")
        if offset + length > len(data):
            return
        detail = data[offset + HEADER.size:][:detail_bytes]
        payload = data[offset + payload_start:][:payload_bytes]
        gaps = (data[offset + HEADER.size + detail_bytes:offset + payload_start]
                + data[offset + payload_start + payload_bytes:offset + length - 8])
        trailer = data[offset + length - 8:offset + length]
        is_whole = crc32c(detail) == detail_crc and crc32c(payload) == payload_crc and (
            not any(gaps) and int.from_bytes(trailer, "little") ^ number == TRAILER)
        if not is_whole:
            if offset + length == len(data) and trailer == bytes(8):
                return
            raise Damaged(f"byte {offset}: record {number} is not as it was written")
        yield Record(offset, length, KINDS[kind], number, generation, step, seconds, nanoseconds,
                     detail, payload)
        offset, position = offset + length, number


class Step(NamedTuple):
    grad_norm: float
    clip_coef: float
    grad_scale: float
    loss: float | None
    groups: list  # of hyperparameters by name; betas are two numbers
    key: str | None
    fingerprint: bytes | None
    runs: list  # of (number of tensors, dtype: 0 F32, 1 F64, 2 F16, 3 BF16, 255 absent)


def step_entry(detail):
    """The detail of a step or a skip."""
    flags, norm, coef, scale, loss, count = struct.unpack_from("<B dddd I", detail)
    offset, groups = 37, []
    for _ in range(count):
        type = TYPES[0]
        if flags & 4:
            type = TYPES[detail[offset]]
            offset += 1
        group, offset = hyperparameters(type, detail, offset)
        groups.append(group)
    key = fingerprint = None
    if flags & 2:
        length, = struct.unpack_from("<I", detail, offset)
        key = detail[offset + 4:offset + 4 + length].decode()
        fingerprint = detail[offset + 4 + length:offset + 36 + length]
        offset += 36 + length
    if flags & 8:
        offset += 8  # the bound of the elements
    runs = tensor_runs(detail[offset:])
    return Step(norm, coef, scale, loss if flags & 1 else None, groups, key, fingerprint, runs)


# In the order of their numbers, each with its numbers, its flags and its words. Where a record does
# not say the type, it is adam or adamw.
ADAM = ["lr", "beta1", "beta2", "eps", "weight_decay"]
TYPES = [
    ("adam", ADAM, ["amsgrad", "maximize"]),
    ("adamw", ADAM, ["amsgrad", "maximize"]),
    ("nadam", [*ADAM, "momentum_decay"], ["decoupled_weight_decay", "maximize"]),
    ("radam", ADAM, ["decoupled_weight_decay", "maximize"]),
    ("adamax", ADAM, ["maximize"]),
    ("adagrad", ["lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value"],
     ["maximize"]),
    ("rmsprop", ["lr", "alpha", "eps", "weight_decay", "momentum"], ["centered", "maximize"]),
    ("adadelta", ["lr", "rho", "eps", "weight_decay"], ["maximize"]),
    ("sgd", ["lr", "momentum", "dampening", "weight_decay"], ["nesterov", "maximize"]),
    ("lion", ["lr", "beta1", "beta2", "weight_decay"], ["maximize"]),
    ("lamb", ADAM, ["maximize"]),
    ("muon", ["lr", "weight_decay", "momentum", "a", "b", "c", "eps", "ns_steps"],
     ["nesterov", "maximize"], ["adjust_lr_fn"]),
]


def hyperparameters(type, data, offset):
    """One group's, as they held for a step, and where they end."""
    _, numbers, flags, *words = type
    group = dict(zip(numbers, struct.unpack_from(f"<{len(numbers)}d", data, offset), strict=True))
    offset += 8 * len(numbers)
    for word in words[0] if words else []:
        length, = struct.unpack_from("<I", data, offset)
        group[word] = data[offset + 4:offset + 4 + length].decode()
        offset += 4 + length
    group |= {flag: bool(data[offset] >> bit & 1) for bit, flag in enumerate(flags)}
    return group, offset + 1


def tensor_runs(data):
    """Which tensors of the layout a payload holds, and of which type."""
    count, = struct.unpack_from("<I", data)
    return [struct.unpack_from("<I B", data, 4 + 5 * index) for index in range(count)]


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    print(path)
    end = 0
    for record in records(data):
        end = record.offset + record.length
        note = ""
        if record.kind in ("step", "skip"):
            entry = step_entry(record.detail)
            note = f" norm {entry.grad_norm:.9g} lr {[group['lr'] for group in entry.groups]}"
            note += f" key {entry.key}" if entry.key else ""
        print(f"{record.offset:>10} {record.kind:<10} position {record.position} "
              f"generation {record.generation} step {record.step} "
              f"payload {len(record.payload)}{note}")
    if end < len(data):
        print(f"{end:>10} torn: {len(data) - end} bytes that are no whole record")


if __name__ == "__main__":
    try:
        for name in sys.argv[1:]:
            main(name)
    except Damaged as fault:
        sys.exit(str(fault))
