# SPDX-License-Identifier: MIT
"""pcapng.py - a reader of pcapng files that follows one while it grows: for test_capture.py.

Written from the draft alone (draft-ietf-opsawg-pcapng), not from the program's source.
"""

import struct
from dataclasses import dataclass, field

SECTION, INTERFACE, PACKET, STATISTICS = 0x0A0D0D0A, 1, 6, 5
MARK = 255  # ivsh-capture(1), CAPTURE FILES: of (kind)
UNPROVEN, DAMAGED, AT_LEAST = 2, 4, 8
HEADER = struct.Struct("<BBBBHHHBBIIII")


@dataclass
class Packet:
    version: int
    size: int
    kind: int
    flags: int
    sender: int
    receiver: int
    port: int
    place: int
    places: int
    index: int
    generation: int
    length: int
    position: int
    time_ns: int = 0
    data: bytes = b""
    options: dict = field(default_factory=dict)

    @property
    def missed(self):
        return struct.unpack("<Q", self.data)[0] if self.kind == MARK else 0

    @property
    def is_message(self):
        return self.kind != MARK and not self.flags & DAMAGED


def options_read(data):
    """{code: value} of a list of options, which ends with the block or with code 0."""
    found = {}
    while len(data) >= 4:
        code, size = struct.unpack_from("<HH", data)
        if code == 0:
            assert size == 0 and len(data) == 4
            break
        assert len(data) >= 4 + size
        found[code] = data[4 : 4 + size]
        data = data[4 + (size + 3) // 4 * 4 :]
    return found


class Capture:
    """A file or a pipe; read() takes the whole blocks that came since."""

    def __init__(self, stream):
        self.stream = stream
        self.rest = b""
        self.packets = []
        self.section = self.interface = self.statistics = None

    def read(self):
        self.rest += self.stream.read() or b""
        at = 0
        while len(self.rest) - at >= 8:
            kind, size = struct.unpack_from("<II", self.rest, at)
            assert size % 4 == 0 and size >= 12
            if len(self.rest) - at < size:
                break
            assert struct.unpack_from("<I", self.rest, at + size - 4)[0] == size
            self.block(kind, self.rest[at + 8 : at + size - 4])
            at += size
        self.rest = self.rest[at:]
        return self

    def block(self, kind, body):
        if kind == SECTION:
            assert struct.unpack_from("<IHHq", body) == (0x1A2B3C4D, 1, 0, -1)
            self.section = options_read(body[16:])
        elif kind == INTERFACE:
            self.link_type, _, self.snap = struct.unpack_from("<HHI", body)
            self.interface = options_read(body[8:])
        elif kind == PACKET:
            interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
            assert interface == 0 and captured <= min(original, self.snap)
            packet = Packet(*HEADER.unpack_from(body, 20))
            assert (packet.version, packet.size) == (1, HEADER.size)
            assert original == HEADER.size + packet.length
            packet.time_ns = high << 32 | low
            packet.data = body[20 + HEADER.size : 20 + captured]
            packet.options = options_read(body[20 + (captured + 3) // 4 * 4 :])
            self.packets.append(packet)
        else:
            assert kind == STATISTICS
            self.statistics = options_read(body[12:])

    def counts(self):
        """(received, dropped, delivered) of the statistics at the end."""
        return tuple(struct.unpack("<Q", self.statistics[code])[0] for code in (4, 5, 8))

    @property
    def messages(self):
        return [packet for packet in self.packets if packet.is_message]

    @property
    def missed(self):
        return sum(packet.missed for packet in self.packets)
