# SPDX-License-Identifier: MIT
"""peer.py - one peer of a region, and its streams."""

import asyncio
import ctypes
import enum
import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

from ._library import MessageHeader, byref, c_uint16, c_uint32, c_void_p, library
from .errors import Invalid, NotThere, Timeout, error_of
from .shown import Log, Metric, MetricKind, MetricValue, read_metrics

Bytes = Union[bytes, bytearray, memoryview]
Target = Union[int, str]

MESSAGE, SPACE, CONTROL = 1, 2, 4  # IVSH_EVENT_*
MAYBE_SEEN = 1  # a flag of a message: an earlier incarnation of this peer may have had it
TEXT = 1  # the port of lines for people

_OK, _EAGAIN, _ENOSPC, _ELOST = 0, -1, -4, -11
_FOREVER = (1 << 64) - 1
_SELF_NONE = 0xFFFFFFFF
_NODE_SLOT, _NODE_DISCARD, _HOST_STAY = 0x1, 0x4, 0x10000
_NODE_SEND_ONLY, _NODE_RECEIVE_ONLY = 0x20, 0x40
_SLICE = 0.1  # seconds that one call of the library takes at most: signals, and other threads
_TURN = 0.0005  # the same while other threads wait for their turn, and something goes on
_YIELD = 0.00005  # what another thread takes to wake up for its turn
_FIRST_BUFFER = 65536
_CHUNK = 1 << 20  # bytes of a stream in one call


class Presence(enum.IntEnum):
    """enum ivsh_presence"""

    ABSENT = 0
    ATTACHED = 1
    SILENT = 2
    GONE = 3
    BROKEN = 4


class EventKind(enum.IntEnum):
    """enum ivsh_peer_event_kind, and what the host library adds to it."""

    UP = 1
    DOWN = 2
    RESTARTED = 3
    LOST = 4
    BROKEN = 5
    MOVED = 6
    DISCONNECTED = 256
    RESUMED = 257
    REPLACED = 258


@dataclass(frozen=True)
class Event:
    """What happened to a peer, or to this one. kind: a number that this module does not know
    stays one."""

    kind: Union[EventKind, int]
    slot: int


@dataclass(frozen=True)
class PeerInfo:
    """A slot as it is now. services: their ports, by name."""

    slot: int
    name: str
    presence: Presence
    incarnation: int
    services: Dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """A message, as received."""

    peer: int  # the slot of its sender
    port: int  # the sender's label: unchecked
    data: bytes
    flags: int = 0  # MAYBE_SEEN
    request: int = 0  # not 0: to be answered by reply()
    _owner: Optional["Peer"] = field(default=None, repr=False, compare=False)

    @property
    def maybe_seen(self) -> bool:
        return bool(self.flags & MAYBE_SEEN)

    def reply(self, data: Bytes = b"", timeout: Optional[float] = None) -> None:
        """Answer this request."""
        if self._owner is None or not self.request:
            raise Invalid("reply: the message is not a request")
        self._owner.reply(self, data, timeout)


class _Turns:
    """
    One thread has the peer at a time, as a lock that a thread may take again. A thread that waits
    in the library holds it: so it waits for a short while when others want their turn, and longer
    each time that nothing has happened.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._wanted = False  # by a thread that found it taken
        self.slice = _SLICE  # seconds that the next call may wait

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._wanted = True
            self._lock.acquire()

    def __exit__(self, *_: Any) -> None:
        self._lock.release()

    def ended(self, is_done: bool) -> None:
        """A call has ended, and done something or waited in vain: who wants a turn gets one."""
        wanted, self._wanted = self._wanted, False
        if wanted:
            self.slice = _TURN if is_done else min(self.slice * 2, _SLICE)
            time.sleep(_YIELD)
        elif not is_done:
            self.slice = min(self.slice * 2, _SLICE)


class _Wait:
    """A task that waits for one of (wanted) in (loop). Its future's result: what there is, or 0."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wanted: int):
        self.loop, self.wanted = loop, wanted
        self.again()

    def again(self) -> None:
        self.future: "asyncio.Future[int]" = self.loop.create_future()

    def wake(self, events: int) -> None:
        if not self.future.done():
            self.future.set_result(events & self.wanted)


class _Deadline:
    """Seconds from now, in the slices that single calls take."""

    def __init__(self, seconds: Optional[float], turns: _Turns):
        if seconds is not None and not seconds >= 0:
            raise Invalid(f"timeout {seconds}: a number of seconds from 0 on, or None")
        self.end = None if seconds is None else time.monotonic() + seconds
        self._turns = turns

    def slice_ns(self) -> int:
        most = self._turns.slice
        left = most if self.end is None else min(self.end - time.monotonic(), most)
        return max(0, int(left * 1e9))

    def is_over(self) -> bool:
        return self.end is not None and time.monotonic() >= self.end


def _pointer(data: Bytes) -> Tuple[Any, int]:
    """What C takes for (data), which must live as long as this does; and its bytes."""
    if isinstance(data, bytes):
        return data, len(data)
    view = memoryview(data)
    if view.readonly or not view.c_contiguous:
        copied = view.tobytes()
        return copied, len(copied)
    size = view.nbytes
    return (ctypes.c_char * size).from_buffer(view) if size else b"", size


class Peer:
    """
    A peer of the region at (place): the path of a server's socket, of a plain memory file, or of
    the folder of a split region; None: the socket that ivsh-server has by default.

    name: what other peers find this one by. slot: in a file, which one; None: the lowest free one,
    or of a folder the one whose part alone this process can write. discard: drop what was sent to
    the slot before. reconnect: open the region again when the server was started anew or the slot
    was lost; events say what may be lost. send_only: never read what others send, who are told;
    receive_only: never send: what needs the other direction raises OneWay.
    """

    def __init__(
        self,
        place: Union[str, "os.PathLike[str]", None] = None,
        name: Optional[str] = None,
        *,
        slot: Optional[int] = None,
        discard: bool = False,
        reconnect: bool = True,
        send_only: bool = False,
        receive_only: bool = False,
    ):
        self._handle = c_void_p()
        self._lock = _Turns()
        self._streams: List["Stream"] = []
        self._waits: List[_Wait] = []
        self._logs: List[Log] = []
        self._reconnect = reconnect
        self._buffer = bytearray(_FIRST_BUFFER)
        flags = (_NODE_DISCARD if discard else 0) | (0 if reconnect else _HOST_STAY)
        flags |= _NODE_SLOT if slot is not None else 0
        flags |= (_NODE_SEND_ONLY if send_only else 0) | (_NODE_RECEIVE_ONLY if receive_only else 0)
        path = None if place is None else os.fsencode(place)
        where = "the default socket" if place is None else os.fspath(place)
        error = library.open(
            byref(self._handle),
            path,
            None if name is None else name.encode(),
            flags,
            _SELF_NONE if slot is None else slot,
        )
        if error != _OK:
            why = library.error(self._handle).decode(errors="replace")
            self.close()
            raise error_of(error, where, why)
        self.place = os.fsdecode(library.place(self._handle))

    def close(self) -> None:
        """Leave the region; streams end. Harmless when done already."""
        with self._lock:
            for stream in list(self._streams):
                stream.close()
            for log in list(self._logs):
                log.close()
            if self._handle:
                self._wake_tasks()
            handle, self._handle = self._handle, c_void_p()
            if handle:
                library.close(handle)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self.close()

    def __repr__(self) -> str:
        if not self._handle:
            return "<ivsh.Peer, closed>"
        return f"<ivsh.Peer {self.slot} at {self.place}>"

    def _wake_tasks(self) -> None:
        """The descriptor goes: whoever waits for it finds that the peer is closed."""
        for wait in self._waits:
            if not wait.loop.is_closed():
                wait.loop.call_soon_threadsafe(wait.loop.remove_reader, self.fileno())
                wait.loop.call_soon_threadsafe(wait.wake, 0)

    # --- One call of the library --------------------------------------------------------------

    def _host(self) -> c_void_p:
        if not self._handle:
            raise Invalid("the peer is closed")
        return self._handle

    def _try(self, call: Callable[..., int], *arguments: Any) -> int:
        """The call's answer; again where the region was opened again before it did anything."""
        with self._lock:
            host = self._host()
            error = call(host, *arguments)
            if error == _ELOST and self._reconnect:
                error = call(host, *arguments)
            return error

    def _check(self, error: int, what: str) -> None:
        if error != _OK:
            why = library.error(self._host()).decode(errors="replace") if error == -3 else ""
            raise error_of(error, what, why)

    def _repeat(self, what: str, timeout: Optional[float], call: Callable[[int], int]) -> int:
        """call(nanoseconds) until it answers anything but that the time is over."""
        deadline = _Deadline(timeout, self._lock)
        while True:
            error = call(deadline.slice_ns())
            self._lock.ended(error != _EAGAIN)
            if error != _EAGAIN:
                return error
            if deadline.is_over():
                raise error_of(_EAGAIN, what)

    def _slot_of(self, peer: Target, timeout: Optional[float]) -> int:
        return self.find(peer, timeout) if isinstance(peer, str) else peer

    # --- Where it is --------------------------------------------------------------------------

    @property
    def slot(self) -> int:
        """Its own slot."""
        return library.self(self._host())

    @property
    def slots(self) -> int:
        """How many slots the region has."""
        return library.slots(self._host())

    @property
    def max_size(self) -> int:
        """Bytes of the largest message; the largest request or reply has 16 less."""
        return library.max(self._host())

    def reopen(self) -> None:
        """Leave the region, and open it again."""
        with self._lock:
            self._check(library.reopen(self._host()), self.place)

    # --- Waiting ------------------------------------------------------------------------------

    def fileno(self) -> int:
        """The descriptor to poll for reading. ready() says when to sleep on it."""
        return library.fd(self._host())

    def ready(self, wanted: int = 0) -> int:
        """Which of MESSAGE, SPACE, CONTROL there is something for; 0: nothing, and fileno() becomes
        readable when there is. Called before and after each poll. wanted: 0: any of them."""
        events = c_uint32()
        self._check(self._try(library.ready, wanted, byref(events)), "ready")
        return events.value

    def wait(self, timeout: Optional[float] = None, wanted: int = 0) -> int:
        """Sleep until ready() answers one of (wanted); 0: the time is over."""
        events = c_uint32()
        try:
            error = self._repeat(
                "wait", timeout, lambda ns: self._try(library.wait, wanted, ns, byref(events))
            )
        except Timeout:
            return 0
        self._check(error, "wait")
        return events.value

    async def wait_async(self, wanted: int = 0) -> int:
        """The same in asyncio's loop, without a limit: asyncio.wait_for() has one. Several tasks
        may wait, each for its own."""
        wait = _Wait(asyncio.get_running_loop(), wanted or MESSAGE | SPACE | CONTROL)
        self._waits.append(wait)
        try:
            return await self._wait_for(wait)
        finally:
            self._waits.remove(wait)
            if self._handle and all(each.loop is not wait.loop for each in self._waits):
                wait.loop.remove_reader(self.fileno())

    async def _wait_for(self, wait: _Wait) -> int:
        while True:
            # One call asks, and requests notifications, for all: the last call's are those that
            # hold, and room is answered once.
            all_wanted = 0
            tasks = [each for each in self._waits if each.loop is wait.loop]
            for each in tasks:
                all_wanted |= each.wanted
            events = self.ready(all_wanted)
            for each in tasks:
                if events & each.wanted:
                    each.wake(events)
            if not events:
                wait.loop.add_reader(self.fileno(), self._look_again, wait.loop)
                await wait.future
            elif not wait.future.done():
                # The others take what is theirs first.
                await asyncio.sleep(0)
            if wait.future.done():
                found = wait.future.result()
                if found:
                    return found
                wait.again()

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        """The descriptor is readable."""
        for each in self._waits:
            if each.loop is loop:
                each.wake(0)

    # --- Messages -----------------------------------------------------------------------------

    def send(
        self, peer: Target, port: int, data: Bytes = b"", timeout: Optional[float] = None
    ) -> None:
        """Send a message to a slot, or to the present peer of that name. Accepted means: it will be
        delivered, also if this program ends now. Timeout: no room."""
        to = self._slot_of(peer, timeout)
        kept, size = _pointer(data)
        error = self._repeat(
            f"send to {peer}",
            timeout,
            lambda ns: self._try(library.send, to, port, kept, size, ns),
        )
        self._check(error, f"send to {peer}")

    def broadcast(self, port: int, data: Bytes = b"", timeout: float = 1.0) -> int:
        """Send to all peers that are present; how many accepted it."""
        kept, size = _pointer(data)
        sent = c_uint32()
        ns = int(timeout * 1e9)
        error = self._try(library.broadcast, port, kept, size, byref(sent), ns)
        self._check(error, "broadcast")
        return sent.value

    def report_loss(self, peer: Target) -> None:
        """Tell a peer that messages for it are missing here, between what was sent and what is sent
        next: it gets an event, EventKind.LOST. For programs that pass on messages of others."""
        to = self._slot_of(peer, 0)
        self._check(self._try(library.report_loss, to), f"report to {peer}")

    def receive(self, timeout: Optional[float] = None) -> Message:
        """The next message of any peer. Timeout: there is none."""
        with_header = MessageHeader()

        def once(ns: int) -> int:
            with self._lock:
                error = self._receive_once(with_header, ns)
                while error == _ENOSPC:
                    self._buffer = bytearray(with_header.size)
                    error = self._receive_once(with_header, 0)
                return error

        with self._lock:
            self._host()
        deadline = _Deadline(timeout, self._lock)
        while True:
            with self._lock:
                error = once(deadline.slice_ns())
                data = bytes(memoryview(self._buffer)[: with_header.size if not error else 0])
            self._lock.ended(error != _EAGAIN)
            if error == _OK:
                return Message(
                    *(with_header.peer, with_header.port, data, with_header.flags),
                    *(with_header.request, self),
                )
            if error != _EAGAIN:
                self._check(error, "receive")
            if deadline.is_over():
                raise error_of(_EAGAIN, "receive")

    def _receive_once(self, header: MessageHeader, ns: int) -> int:
        room = (ctypes.c_char * len(self._buffer)).from_buffer(self._buffer)
        return self._try(library.receive, byref(header), room, len(self._buffer), ns)

    def __iter__(self) -> Iterator[Message]:
        """Messages, without end."""
        while True:
            yield self.receive()

    async def receive_async(self) -> Message:
        """The next message, in asyncio's loop."""
        while True:
            try:
                return self.receive(0)
            except Timeout:
                await self.wait_async(MESSAGE)

    def call(
        self, peer: Target, port: int, data: Bytes = b"", timeout: Optional[float] = 5.0
    ) -> bytes:
        """Send a request, and wait for its reply. PeerGone: the peer may have seen it, or not."""
        to = self._slot_of(peer, timeout)
        kept, size = _pointer(data)
        got = c_uint32()
        with self._lock:
            room = ctypes.create_string_buffer(max(1, self.max_size))
            ns = _FOREVER if timeout is None else int(timeout * 1e9)
            error = self._try(
                library.call, to, port, kept, size, room, len(room), byref(got), ns
            )
        self._check(error, f"call of {peer}")
        return room.raw[: got.value]

    def reply(self, request: Message, data: Bytes = b"", timeout: Optional[float] = None) -> None:
        """Answer a request, now or later, in any order."""
        header = MessageHeader(request=request.request, peer=request.peer, port=request.port)
        kept, size = _pointer(data)
        error = self._repeat(
            f"reply to {request.peer}",
            timeout,
            lambda ns: self._try(library.reply, byref(header), kept, size, ns),
        )
        self._check(error, f"reply to {request.peer}")

    def stream(
        self, peer: Target, port: int, size: int = 0, timeout: Optional[float] = None
    ) -> "Stream":
        """Bytes to and from one peer, on (port) and the port after it. The peer opens a stream,
        too, earlier or later. size: bytes of the buffer, a power of two; 0: 64 KiB. timeout: of
        finding the peer, and of each of the stream's calls."""
        return Stream(self, self._slot_of(peer, timeout), port, size, timeout)

    # --- Peers, services, events --------------------------------------------------------------

    def find(self, name: Optional[str] = None, timeout: Optional[float] = 0) -> int:
        """The slot of the present peer of that name; None: of any. Waits until there is one."""
        found = c_uint32()
        text = None if name is None else name.encode()
        self._find(
            f"peer {name}", timeout, lambda ns: self._try(library.find, text, byref(found), ns)
        )
        return found.value

    def find_service(self, name: str, timeout: Optional[float] = 0) -> Tuple[int, int]:
        """Slot and port of a present peer's service. Waits until there is one."""
        peer, port = c_uint32(), c_uint16()
        self._find(
            f"service {name}",
            timeout,
            lambda ns: self._try(
                library.find_service, name.encode(), byref(peer), byref(port), ns
            ),
        )
        return peer.value, port.value

    def _find(self, what: str, timeout: Optional[float], call: Callable[[int], int]) -> None:
        deadline = _Deadline(timeout, self._lock)
        while True:
            error = call(deadline.slice_ns())
            self._lock.ended(error not in (_EAGAIN, NotThere.code))
            if error not in (_EAGAIN, NotThere.code) or deadline.is_over():
                break
        if error != _OK:
            raise error_of(error, what)

    def peer(self, slot: int) -> PeerInfo:
        """Slot (slot) as it is now."""
        presence, incarnation = c_uint32(), c_uint32()
        name = ctypes.create_string_buffer(64)
        error = self._try(library.peer, slot, byref(presence), byref(incarnation), name)
        self._check(error, f"slot {slot}")
        return PeerInfo(
            *(slot, name.value.decode(), Presence(presence.value), incarnation.value),
            self._services(slot),
        )

    def _services(self, slot: int) -> Dict[str, int]:
        found: Dict[str, int] = {}
        name, port = ctypes.create_string_buffer(64), c_uint16()
        index = 0
        while self._try(library.service, slot, index, name, byref(port)) == _OK:
            if name.value:
                found[name.value.decode()] = port.value
            index += 1
        return found

    def peers(self) -> List[PeerInfo]:
        """The other slots in which a peer is present."""
        own = self.slot
        every = (self.peer(slot) for slot in range(self.slots) if slot != own)
        return [each for each in every if each.presence == Presence.ATTACHED]

    def offer(self, name: str, port: int) -> None:
        """Publish a service: a name for a port."""
        self._check(self._try(library.offer, name.encode(), port), f"service {name}")

    # --- What others may see ------------------------------------------------------------------

    def metric(self, name: str, kind: Union[MetricKind, str] = MetricKind.COUNTER) -> Metric:
        """Declare a counter or a gauge of this peer, which everybody who has the memory can read:
        a lower-case letter, then those, digits and "_", 39 characters at most; 16 of them."""
        if isinstance(kind, str):
            if kind.upper() not in MetricKind.__members__:
                raise Invalid(f"metric {name}: {kind}: counter or gauge")
            kind = MetricKind[kind.upper()]
        number = c_uint32()
        with self._lock:
            error = self._try(library.metric_declare, name.encode(), kind, byref(number))
        self._check(error, f"metric {name}")
        return Metric(self, name, kind, number.value)

    def metrics(self, peer: Target) -> Dict[str, MetricValue]:
        """What slot (peer) declares, or its last peer did; a name is also that of a dead peer."""
        return read_metrics(self, self._slot_ever(peer))

    def log(self, text: Union[str, Bytes]) -> None:
        """Append to this peer's log, whose last bytes stay readable after its end. NotThere: the
        region has no logs."""
        kept, size = _pointer(text.encode() if isinstance(text, str) else text)
        error = self._try(library.log_write, kept, size)
        if error == NotThere.code:
            raise error_of(error, "log", "the region has no logs: give the server --log-size")
        self._check(error, "log")

    def read_log(self, peer: Target) -> Log:
        """Read the log of slot (peer), from the oldest byte that is kept; a name is also that of a
        dead peer."""
        return Log(self, self._slot_ever(peer))

    def _slot_ever(self, peer: Target) -> int:
        """The slot of a peer that is there, or else of one that was."""
        if isinstance(peer, int):
            return peer
        named = [each for each in map(self.peer, range(self.slots)) if each.name == peer]
        there = [each for each in named if each.presence == Presence.ATTACHED] or named
        if not peer or not there:
            raise error_of(NotThere.code, f"peer {peer}", "no slot has or had such a peer")
        if len(there) > 1:
            raise Invalid(f"peer {peer}: {len(there)} slots have that name: give a slot")
        return there[0].slot

    def next_event(self, timeout: Optional[float] = 0) -> Event:
        """The next event of a peer, or of this one. Timeout: there is none."""
        kind, slot = c_uint32(), c_uint32()
        error = self._repeat(
            "event",
            timeout,
            lambda ns: self._try(library.next_event, byref(kind), byref(slot), ns),
        )
        self._check(error, "event")
        known = kind.value in EventKind.__members__.values()
        return Event(EventKind(kind.value) if known else kind.value, slot.value)


class Stream:
    """Bytes to and from one peer: Peer.stream(). timeout: seconds for each call; None: no limit."""

    def __init__(self, owner: Peer, peer: int, port: int, size: int, timeout: Optional[float]):
        self._owner, self.peer, self.port, self.timeout = owner, peer, port, timeout
        self._handle = c_void_p()
        self._buffer = bytearray(_CHUNK)
        self._what = f"stream with {peer}, port {port}"
        with owner._lock:
            error = owner._try(library.stream_open, byref(self._handle), peer, port, size)
            if error == _OK:
                owner._streams.append(self)
        if error != _OK:
            self._handle = c_void_p()
            raise error_of(error, self._what)

    def _call(self, call: Callable[..., int], *arguments: Any) -> int:
        with self._owner._lock:
            if not self._handle:
                raise Invalid(f"{self._what}: it is closed")
            return call(self._handle, *arguments)

    def write(self, data: Bytes) -> int:
        """Write all of it; how many bytes that are. Timeout: not all, and bytes_written of the
        exception says how many."""
        kept, size = _pointer(data)
        address = ctypes.cast(kept, c_void_p).value or 0
        turns = self._owner._lock
        deadline, at, did = _Deadline(self.timeout, turns), 0, c_uint32()
        while at < size:
            error = self._call(
                library.stream_write,
                *(address + at, min(size - at, _CHUNK), byref(did), deadline.slice_ns()),
            )
            at += did.value
            turns.ended(did.value > 0)
            if error not in (_OK, _EAGAIN) or (error == _EAGAIN and deadline.is_over()):
                raised = error_of(error, self._what)
                setattr(raised, "bytes_written", at)
                raise raised
        return size

    def readinto(self, buffer: Union[bytearray, memoryview]) -> int:
        """Read some bytes, at least one; 0: the peer has finished, and all was read."""
        view = memoryview(buffer).cast("B")
        if view.nbytes == 0:
            return 0
        room = (ctypes.c_char * view.nbytes).from_buffer(view)
        turns = self._owner._lock
        deadline, got = _Deadline(self.timeout, turns), c_uint32()
        while True:
            error = self._call(
                library.stream_read, room, min(view.nbytes, _CHUNK), byref(got), deadline.slice_ns()
            )
            turns.ended(error != _EAGAIN)
            if error == _OK:
                return got.value
            if error != _EAGAIN or deadline.is_over():
                raise error_of(error, self._what)

    def read(self, size: int = -1) -> bytes:
        """Read (size) bytes, or all up to the peer's end; fewer only at that end."""
        parts, left = [], size
        while left != 0:
            view = memoryview(self._buffer)[: left if 0 < left < _CHUNK else _CHUNK]
            got = self.readinto(view)
            if got == 0:
                break
            parts.append(bytes(view[:got]))
            left -= got if left > 0 else 0
        return b"".join(parts)

    def __iter__(self) -> Iterator[bytes]:
        """The bytes as they come, up to the peer's end."""
        while True:
            got = self.readinto(self._buffer)
            if got == 0:
                return
            yield bytes(memoryview(self._buffer)[:got])

    def finish(self) -> None:
        """Report to the peer that no more will be written. Reading goes on."""
        error = self._owner._repeat(
            self._what, self.timeout, lambda ns: self._call(library.stream_finish, ns)
        )
        if error != _OK:
            raise error_of(error, self._what)

    def close(self) -> None:
        """Leave the stream. Where it was not finished on both sides, the peer sees that."""
        with self._owner._lock:
            handle, self._handle = self._handle, c_void_p()
            if handle:
                library.stream_close(handle)
                self._owner._streams.remove(self)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
