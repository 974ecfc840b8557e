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
