"""Where the records of a log segment lie, as RecordLayout.swift describes them."""

import struct
from collections import namedtuple

HEADER_BYTES = 96

Record = namedtuple("Record", "start end position step")


def records(path):
    """Every record of an undamaged segment, its opening first."""
    content, found, start = path.read_bytes(), [], 0
    while start < len(content):
        assert content[start : start + 8] == b"OPTLOG01", (path, start)
        position, _, step = struct.unpack_from("<qqq", content, start + 24)
        length = struct.unpack_from("<q", content, start + 80)[0]
        found.append(Record(start, start + length, position, step))
        start += length
    assert start == len(content)
    return found


def flip(path, offset, bit):
    """One bit of the file becomes another."""
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def crc32c(data):
    """CRC-32C (RFC 3720 appendix B.4), bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


Piece = namedtuple("Piece", "session generation segment offset length")


def pieces(journal):
    """Where the records of every batch of a journal belong (CommitJournal.swift)."""
    content, found = journal.read_bytes(), []
    for record in records(journal)[1:]:
        at = record.start + HEADER_BYTES
        count, at = struct.unpack_from("<I", content, at)[0], at + 4
        for _ in range(count):
            length = struct.unpack_from("<I", content, at)[0]
            name = content[at + 4 : at + 4 + length].decode()
            at += 4 + length
            found.append(Piece(name, *struct.unpack_from("<qqqq", content, at)))
            at += 32
    return found


def as_of_another_boot(journal):
    """Writes the journal's opening anew with another boot id, as a machine that was switched off
    would find it."""
    content = bytearray(journal.read_bytes())
    length = struct.unpack_from("<I", content, HEADER_BYTES)[0]
    end = HEADER_BYTES + 4 + length
    content[end - 1] = ord("0") if content[end - 1] != ord("0") else ord("1")
    struct.pack_into("<I", content, 12, crc32c(content[HEADER_BYTES:end]))
    struct.pack_into("<I", content, 8, crc32c(content[12:HEADER_BYTES]))
    journal.write_bytes(content)
