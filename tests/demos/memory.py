# SPDX-License-Identifier: MIT
"""memory.py - the shared memory as the host sees it: files for guests, and words to wait for."""

import struct


def memory_file(folder, size=4 << 20, content=b"", name="memory"):
    """A sparse file of (size) bytes that starts with (content)."""
    path = folder / name
    with open(path, "wb") as file:
        file.write(content)
        file.truncate(size)
    return path


def slot_word(memory, slot, offset, form="<I"):
    """A word of a slot's lines. SPEC 5."""
    return struct.unpack_from(form, memory, 8192 + 2048 * slot + offset)[0]


def sent(memory, slot):
    """Messages that the peer of a slot has published in this incarnation, as it last said."""
    return slot_word(memory, slot, 0x280, "<Q")


def timer_wakes(memory, slot):
    """Sleeps of the peer of a slot that time has ended, as it last said."""
    return slot_word(memory, slot, 0x2B8, "<Q")


def incarnation(memory, slot):
    """The slot's incarnation word."""
    return slot_word(memory, slot, 4)


def metrics(memory, slot):
    """What the peer of a slot has declared in this incarnation: {name: value}. SPEC 5."""
    found = {}
    for at in range(8192 + 2048 * slot + 1024, 8192 + 2048 * (slot + 1), 64):
        name, kind, by, value = struct.unpack_from("<40sIIQ", memory, at)
        if kind and by == incarnation(memory, slot):
            found[name.rstrip(b"\0").decode()] = value
    return found


class Log:
    """A slot's log: the bytes that the memory has, and where they stand. SPEC 15."""

    def __init__(self, memory, slot):
        features, size, slots = struct.unpack_from("<IQI", memory, 12)
        (log_size,) = struct.unpack_from("<I", memory, 48)
        assert features & 1 and log_size, "the region has no logs"
        # The logs stand behind the rings, up to the region's end, which is that of a page.
        at = size - -(-slots * (64 + log_size) // 4096) * 4096 + slot * (64 + log_size)
        words = struct.unpack_from("<QQQQI", memory, at)
        self.position, storing, first, self.begin, self.incarnation = words
        self.size, ring = log_size, memory[at + 64 : at + 64 + log_size]
        # What the writer may have been storing over is lost.
        self.oldest = max(first, storing - log_size, 0)
        turn = self.oldest % log_size
        self.data = (ring[turn:] + ring[:turn])[: self.position - self.oldest]
