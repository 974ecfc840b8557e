# SPDX-License-Identifier: MIT
"""split.py - the files of a split region, made with the library, and QEMU's words for them.

A region is a folder: common has the header and the server page, part-N is the memory that slot N's
peer alone writes. SPEC 17.
"""

import ctypes
import functools
import struct

from machine import BUILD
from qemu import doorbell

COMMON = 8192
PAGE = 4096


@functools.cache
def library():
    """Ours. Only who makes a region here needs it."""
    return ctypes.CDLL(str(BUILD / "host" / "libivsh-client.so.1"))


class Geometry(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("slots", "descs", "small", "large", "log")]


class Region:
    """A split region of (slots) slots in (folder). Each part has (part) bytes at most."""

    def __init__(self, folder, slots=2, format_id=0x1818, descs=64, small=4096, large=16384, log=0):
        self.folder, self.slots, self.format_id = folder, slots, format_id
        self.geometry = Geometry(slots, descs, small, large, log)
        size = ctypes.c_uint64()
        assert library().ivsh_part_size(ctypes.byref(self.geometry), ctypes.byref(size)) == 0
        self.part_size = 1 << (size.value - 1).bit_length()
        folder.mkdir()
        self._write("common", COMMON, library().ivsh_split_format)
        for slot in range(slots):
            self.format_part(slot)

    def _write(self, name, size, form, *more, format_id=None):
        room = ctypes.create_string_buffer(size + PAGE)
        base = (ctypes.addressof(room) + PAGE - 1) // PAGE * PAGE
        words = [ctypes.c_void_p(base), ctypes.c_uint64(size), ctypes.byref(self.geometry)]
        words += [ctypes.c_uint64(format_id or self.format_id), *more, ctypes.c_bool(True)]
        assert form(*words) == 0
        (self.folder / name).write_bytes(ctypes.string_at(base, size))

    def format_part(self, slot, name=None, format_id=None):
        """The part of (slot), in the file (name), of the region's formatting or another."""
        self._write(
            name or f"part-{slot}", self.part_size, library().ivsh_part_format,
            ctypes.c_uint32(slot), format_id=format_id,
        )  # fmt: skip

    def common(self):
        return self.folder / "common"

    def part(self, slot):
        return self.folder / f"part-{slot}"

    def poke(self, slot, offset, value, form="<I"):
        """Store a word into the part of (slot)."""
        with open(self.part(slot), "r+b") as file:
            file.seek(offset)
            file.write(struct.pack(form, value))


class Served:
    """The split region of a server, which its caller has started with --split."""

    def __init__(self, server, slots):
        self.server, self.slots = server, slots
        self.folder = server.socket.with_name(f"{server.socket.name}.split")

    def part(self, slot):
        return self.folder / f"part-{slot}"


def device(path, key, readonly, where="", size=None):
    """
    QEMU's words for an ivshmem-plain over the file (path), or its first (size) bytes. where:
    ",addr=..." and the like.
    """
    protect = ",readonly=on" if readonly else ""
    size = size or path.stat().st_size
    return [
        "-object", f"memory-backend-file,id={key},share=on,mem-path={path},size={size}{protect}",
        "-device", f"ivshmem-plain,memdev={key}{where}",
    ]  # fmt: skip


def address(slot):
    """Where the part of (slot) stands by convention, as QEMU's words behind a device's."""
    return f",addr={16 + slot // 8:x}.{slot % 8},multifunction=on"


SHORT = 16384  # what a part of up to 25 slots has before its rings


def words(region, own, order=None, placed=False, key="", bus="", short=()):
    """
    QEMU's words for the guest of slot (own): an ivshmem-plain for the common memory and for each
    part, readonly but for its own. order: of "common" and slots, as the devices stand on the bus; a
    server's common memory is that of an ivshmem-doorbell. short: the slots to which it only sends.
    """
    found = []
    for what in order or ["common", *range(region.slots)]:
        if what == "common" and isinstance(region, Served):
            found += doorbell(region.server.bound[own], key=f"{key}common", where=bus)
        elif what == "common":
            found += device(region.common(), f"{key}common", True, bus)
        else:
            where = f"{bus}{address(what) if placed else ''}"
            size = SHORT if what in short else None
            found += device(region.part(what), f"{key}part{what}", what != own, where, size)
    return found


def parts(folder, own, slots, bus=""):
    """QEMU's words for the parts that ivsh-server has made in (folder), for the guest of (own)."""
    found = []
    for slot in range(slots):
        path = folder / f"part-{slot}"
        found += device(path, f"part{slot}", slot != own, f"{bus}{address(slot)}")
    return found
