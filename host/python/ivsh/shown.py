# SPDX-License-Identifier: MIT
"""shown.py - what a peer shows to everybody who has the memory: metrics, and its log."""

import ctypes
import enum
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional

from ._library import byref, c_uint32, c_uint64, c_void_p, library
from .errors import Invalid, error_of

if TYPE_CHECKING:
    from .peer import Peer

_OK, _EAGAIN = 0, -1
_NAME_SIZE = 40  # IVSH_METRIC_NAME_SIZE
_CHUNK = 65536
_FOLLOW = 0.05  # seconds between two looks at a log


class MetricKind(enum.IntEnum):
    """enum ivsh_metric_kind"""

    COUNTER = 1
    GAUGE = 2


@dataclass(frozen=True)
class MetricValue:
    """A metric as it was read: what its peer says."""

    kind: MetricKind
    value: int


class Metric:
    """A metric of this peer: Peer.metric()."""

    def __init__(self, owner: "Peer", name: str, kind: MetricKind, number: int):
        self._owner, self.name, self.kind, self._number = owner, name, kind, number

    def _call(self, call: Any, value: int) -> None:
        with self._owner._lock:
            error = call(self._owner._host(), self._number, value)
        if error != _OK:
            raise error_of(error, f"metric {self.name}")

    def add(self, n: int = 1) -> None:
        """Add (n). A counter only grows; a gauge goes down by a negative number."""
        if not -(1 << 63) <= n < 1 << 64 or (n < 0 and self.kind == MetricKind.COUNTER):
            raise Invalid(f"metric {self.name}: add {n}")
        self._call(library.metric_add, n & (1 << 64) - 1)

    def set(self, value: int) -> None:
        """Set the value: 64 bits, of a gauge with a sign."""
        least, most = (0, 64) if self.kind == MetricKind.COUNTER else (-(1 << 63), 63)
        if not least <= value < 1 << most:
            raise Invalid(f"metric {self.name}: set {value}")
        self._call(library.metric_set, value if value < 1 << 63 else value - (1 << 64))

    def __repr__(self) -> str:
        return f"<ivsh.Metric {self.name}, {self.kind.name.lower()}>"


def read_metrics(owner: "Peer", slot: int) -> Dict[str, MetricValue]:
    """The metrics of a slot by their names."""
    found: Dict[str, MetricValue] = {}
    name = ctypes.create_string_buffer(_NAME_SIZE)
    kind, value = c_uint32(), c_uint64()
    index = 0
    while True:
        error = owner._try(
            library.metric_read, slot, index, name, byref(kind), byref(value)
        )
        if error != _OK:
            break
        if name.value:
            number = value.value
            if kind.value == MetricKind.GAUGE and number >> 63:
                number -= 1 << 64
            found[name.value.decode()] = MetricValue(MetricKind(kind.value), number)
        index += 1
    if index == 0:
        owner._check(error, f"slot {slot}")
    return found


class Log:
    """A reader of a peer's log: Peer.read_log(). lost: bytes that were overwritten before they
    could be read, since its begin. incarnation: of the slot's peer that wrote last; 0: none did."""

    def __init__(self, owner: "Peer", slot: int):
        self._owner, self.slot = owner, slot
        self.lost, self.incarnation = 0, 0
        self._handle = c_void_p()
        self._room = ctypes.create_string_buffer(_CHUNK)
        with owner._lock:
            error = owner._try(library.log_open, byref(self._handle), slot)
            if error == _OK:
                owner._logs.append(self)
        if error != _OK:
            self._handle = c_void_p()
            raise error_of(
                error,
                f"log of {slot}",
                "the region has no logs: give the server --log-size" if error == -3 else "",
            )

    def _read_some(self) -> bytes:
        got, lost, incarnation = c_uint32(), c_uint64(), c_uint32()
        with self._owner._lock:
            if not self._handle:
                raise Invalid(f"log of {self.slot}: it is closed")
            error = library.log_read(
                *(self._handle, self._room, _CHUNK, byref(got), byref(lost), byref(incarnation))
            )
            data = self._room.raw[: got.value]
        self.lost += lost.value
        self.incarnation = incarnation.value or self.incarnation
        if error not in (_OK, _EAGAIN):
            raise error_of(error, f"log of {self.slot}")
        return data

    def read(self) -> bytes:
        """What has come since the last call, or is kept: b"" if nothing. PeerGone: the log has
        gone back, as its memory is another one; the next call begins at its oldest byte."""
        parts = []
        while True:
            before = self.lost
            parts.append(self._read_some())
            # The last part is empty, or a writer is as quick as this.
            if (not parts[-1] and self.lost == before) or len(parts) > 512:
                return b"".join(parts)

    def follow(self, timeout: Optional[float] = None) -> Iterator[bytes]:
        """The bytes as they come, until none has come for (timeout) seconds; None: without end."""
        last = time.monotonic()
        while timeout is None or time.monotonic() - last < timeout:
            data = self._read_some()
            if data:
                last = time.monotonic()
                yield data
            else:
                time.sleep(_FOLLOW)

    def close(self) -> None:
        """End reading. Harmless when done already."""
        with self._owner._lock:
            handle, self._handle = self._handle, c_void_p()
            if handle:
                library.log_close(handle)
                self._owner._logs.remove(self)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
