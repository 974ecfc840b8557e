# SPDX-License-Identifier: MIT
"""test_python.py - the Python module: messages, calls, streams, events, threads, asyncio."""

import asyncio
import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from rawclient import LIMIT, RawClient, within
from servertool import BUILD

ROOT = pathlib.Path(__file__).resolve().parents[2]

os.environ["IVSH_CLIENT_LIBRARY"] = str(BUILD / "libivsh-client.so.1")
sys.path.insert(0, str(ROOT / "host/python"))

import ivsh  # noqa: E402
import ivsh._library  # noqa: E402

MIB = 1 << 20


@pytest.fixture(params=["socket", "file", "split socket", "split folder"])
def two(request, start, tmp_path):
    """Two peers, alpha and beta, of a server, and without one; of one memory, and of many."""
    split = ["--split"] if "split" in request.param else []
    if "socket" in request.param:
        place, slots = start("-l", "8M", "-n", 2, *split).socket, (None, None)
    else:
        place, slots = tmp_path / "memory", (0, 1)
        subprocess.run([BUILD / "ivsh", "mem", "create", place, "8M", *split], check=True)
    with ivsh.Peer(place, "alpha", slot=slots[0]) as one:
        with ivsh.Peer(str(place), "beta", slot=slots[1]) as other:
            yield one, other


@pytest.fixture
def together():
    """together(function): run it in a thread; its exception is the test's."""
    threads, failed = [], []

    def run(function):
        def body():
            try:
                function()
            except BaseException as error:  # noqa: BLE001
                failed.append(error)

        threads.append(threading.Thread(target=body))
        threads[-1].start()

    yield run
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


# --- As the headers have it -------------------------------------------------------------------


def text_of(header):
    return (ROOT / "lib/include/ivsh" / header).read_text()


def test_every_call_is_bound():
    """What the map has of the host's calls, but for the one that answers a struct of C."""
    calls = set(re.findall(r"\bivsh_host_(\w+);", (ROOT / "lib/sdk/client.map").read_text()))
    assert {name for name, _, _ in ivsh._library._CALLS} == calls - {"node"}


def test_constants_are_the_headers():
    assert ivsh._library.ctypes.sizeof(ivsh._library.MessageHeader) == 32
    errors = dict(re.findall(r"\bIVSH_(E[A-Z]+) =\s+(-\d+)", text_of("error.h")))
    assert sorted(map(int, errors.values())) == sorted(
        each.code for each in vars(ivsh).values()
        if isinstance(each, type) and issubclass(each, ivsh.Error) and each.code
    )  # fmt: skip
    kinds = dict(re.findall(r"\bIVSH_PEER_EVENT_([A-Z]+) = (\d+)", text_of("peers.h")))
    kinds.update(re.findall(r"\bIVSH_HOST_EVENT_([A-Z]+) = (\d+)", text_of("host.h")))
    assert {name: int(value) for name, value in kinds.items()} == {
        each.name: each.value for each in ivsh.EventKind
    }
    presence = re.findall(r"\bIVSH_PEER_([A-Z]+) = (\d+),", text_of("peers.h"))
    assert {name: int(value) for name, value in presence} == {
        each.name: each.value for each in ivsh.Presence
    }
    for name in ("MESSAGE", "SPACE"):
        (value,) = re.findall(rf"define IVSH_EVENT_{name} (0x\d+)u", text_of("wait.h"))
        assert getattr(ivsh, name) == int(value, 16)
    version = re.search('define IVSH_VERSION "(.*)"', text_of("version.h"))[1]
    assert ivsh.__version__ == version


# --- Messages and calls -----------------------------------------------------------------------


def test_messages(two):
    """To a slot and to a name, of all sizes, in order; larger than the buffer, too."""
    one, other = two
    sizes = [0, 1, 8, 9, 1000, one.max_size]
    for size in sizes:
        one.send("beta" if size % 2 else other.slot, 5, os.urandom(size)[:size])
    one.send("beta", 6, bytearray(b"array"))
    one.send("beta", 6, memoryview(b"xviewx")[1:5])
    got = [other.receive(LIMIT) for _ in sizes]
    assert [len(each.data) for each in got] == sizes
    assert {(each.peer, each.port, each.maybe_seen) for each in got} == {(one.slot, 5, False)}
    assert [other.receive(LIMIT).data for _ in range(2)] == [b"array", b"view"]
    assert other.broadcast(7, b"all") == 1
    assert one.receive(LIMIT).data == b"all"
    with pytest.raises(ivsh.Timeout):
        one.receive(0)


def test_calls(two, together):
    one, other = two

    def answer():
        for _ in range(20):
            request = other.receive(LIMIT)
            request.reply(request.data[::-1] + bytes([request.port]))

    together(answer)
    for i in range(20):
        text = os.urandom(i * 100)
        assert one.call("beta", i, text, LIMIT) == text[::-1] + bytes([i])
    with pytest.raises(ivsh.Timeout):
        one.call("beta", 1, b"nobody answers", 0.2)
    with pytest.raises(ivsh.Invalid, match="not a request"):
        ivsh.Message(0, 1, b"").reply()


@pytest.mark.parametrize("size", [0, 1, 64 * MIB])
def test_stream(two, together, size):
    """Both ways at once, with equal checksums: what one writes the other sends back."""
    one, other = two
    data = os.urandom(MIB) * (size // MIB) + os.urandom(size % MIB)

    def back():
        with other.stream("alpha", 40, timeout=LIMIT) as stream:
            seen = hashlib.sha256()
            for part in stream:
                seen.update(part)
            stream.write(seen.digest())
            stream.finish()

    together(back)
    with one.stream("beta", 40, size=1 << 20, timeout=LIMIT) as stream:
        assert stream.write(data) == size
        stream.finish()
        assert stream.read() == hashlib.sha256(data).digest()


def test_stream_that_ends_early(two, together):
    one, other = two

    def leave():
        with other.stream("alpha", 40, timeout=LIMIT) as stream:
            assert stream.read(3) == b"abc"

    together(leave)
    with one.stream("beta", 40, timeout=LIMIT) as stream:
        with pytest.raises(ivsh.PeerGone):
            while True:
                stream.write(b"abc" * 1000)


# --- Peers, services, events ------------------------------------------------------------------


def test_peers_and_services(two):
    one, other = two
    other.offer("echo", 77)
    assert one.find("beta", LIMIT) == other.slot == one.find(None, LIMIT)
    assert one.find_service("echo", LIMIT) == (other.slot, 77)
    (info,) = one.peers()
    assert (info.slot, info.name, info.services) == (other.slot, "beta", {"echo": 77})
    assert info.presence == ivsh.Presence.ATTACHED and info.incarnation == 1
    with pytest.raises(ivsh.NotThere):
        one.find("nobody", 0)
    with pytest.raises(ivsh.Invalid):
        one.peer(one.slots)


def test_events(two):
    one, other = two
    assert one.next_event(LIMIT) == ivsh.Event(ivsh.EventKind.UP, other.slot)
    slot = other.slot
    other.close()
    assert one.next_event(LIMIT) == ivsh.Event(ivsh.EventKind.DOWN, slot)
    with pytest.raises(ivsh.Timeout):
        one.next_event(0)
    with pytest.raises(ivsh.Invalid, match="closed"):
        other.send(0, 1)
    other.close()


def kinds_until(peer, wanted):
    """The kinds of events up to the one that is (wanted), or the time limit."""
    kinds, end = set(), time.monotonic() + LIMIT
    while wanted not in kinds and time.monotonic() < end:
        try:
            peer.wait(0.1)
        except ivsh.NotThere:
            time.sleep(0.01)
        try:
            kinds.add(peer.next_event(0).kind)
        except (ivsh.NotThere, ivsh.Timeout):
            pass
    return kinds


@pytest.mark.parametrize("split", [[], ["--split"]], ids=["one", "split"])
def test_server_that_is_killed(start, tmp_path, split):
    """The next one serves the same memory: the slot goes on, with what was sent to it."""
    words = ("-l", "2M", "--slots=3", "--file", tmp_path / "memory", *split)
    server = start(*words)
    with ivsh.Peer(server.socket, "alpha") as one, ivsh.Peer(server.socket, "beta") as other:
        slot = other.slot
        one.send(slot, 3, b"before", LIMIT)
        server.stop(signal.SIGKILL)
        for peer in (one, other):
            assert ivsh.EventKind.DISCONNECTED in kinds_until(peer, ivsh.EventKind.DISCONNECTED)
        start(*words)
        assert ivsh.EventKind.RESUMED in kinds_until(one, ivsh.EventKind.RESUMED)
        assert ivsh.EventKind.RESUMED in kinds_until(other, ivsh.EventKind.RESUMED)
        assert (other.slot, other.receive(LIMIT).data) == (slot, b"before")
        one.send("beta", 3, b"again", LIMIT)
        assert other.receive(LIMIT).data == b"again"


def pass_on(together, place, messages):
    """Listen at (place), and pass a server's (messages) on to who connects, in a list then."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(place))
    listening.listen()
    accepted = []

    def run():
        with listening:
            accepted.append(listening.accept()[0])
        for value, fd in messages:
            fds = [] if fd is None else [fd]
            socket.send_fds(accepted[0], [struct.pack("<q", value)], fds)

    together(run)
    return accepted


def test_many_messages_of_a_server(start, tmp_path, together):
    """More than one look takes, with the end behind them: no further edge of the socket says so."""
    real = RawClient(start("-l", "2M", "--slots=2", "--vectors=1").socket)
    accepted = pass_on(together, tmp_path / "between", real.handshake(2, 1))
    with ivsh.Peer(tmp_path / "between", "alpha") as peer:
        peer.ready()
        with accepted[0] as server:
            server.sendall(struct.pack("<q", 999) * 10000)  # it has left
        kinds, end = set(), time.monotonic() + LIMIT
        while ivsh.EventKind.DISCONNECTED not in kinds and time.monotonic() < end:
            peer.ready()
            with contextlib.suppress(ivsh.NotThere, ivsh.Timeout):
                kinds.add(peer.next_event(0).kind)
        assert ivsh.EventKind.DISCONNECTED in kinds


@pytest.mark.parametrize("split", [[], ["--split"]], ids=["one", "split"])
def test_server_that_gets_no_processor(start, tmp_path, together, split):
    """It stands still in the midst of the doorbells: the peer waits for all that it is to have."""
    server = start("-l", "2M", "--slots=2", "--vectors=3", *split)
    name = f"\0ivsh-client-{os.getpid()}-late" if split else None
    real = RawClient.named(server.socket, name) if name else RawClient(server.socket)

    def slowly():
        for number in range(3 + 2 * bool(split) + 2 * 3):
            if number in (5 + 2 * bool(split), 7 + 2 * bool(split)):
                time.sleep(0.2)
            yield real.message()

    accepted = pass_on(together, tmp_path / "between", slowly())
    with ivsh.Peer(tmp_path / "between", "alpha"):
        shown = [BUILD / "ivsh", "-S", server.socket, "ls", "--json"]
        lines = subprocess.run(shown, check=True, capture_output=True).stdout.splitlines()
        found = [json.loads(line) for line in lines]
        assert [one["vectors"] for one in found if one["type"] == "slot"] == [3]
    accepted[0].close()


def test_missing_part(tmp_path):
    """Of a split region: a slot whose part is not there has an error of its own; others go on."""
    place = tmp_path / "split"
    words = ("mem", "create", "--split", place, "--slots=3")
    subprocess.run([BUILD / "ivsh", *words], check=True, stdout=subprocess.DEVNULL)
    (place / "part-1").unlink()
    with pytest.raises(ivsh.MissingPart):
        ivsh.Peer(place, slot=1)
    with pytest.raises(ivsh.Error, match="parts 0 and 2 can both be written"):
        ivsh.Peer(place)
    with ivsh.Peer(place, slot=0) as one, ivsh.Peer(place, slot=2) as other:
        with pytest.raises(ivsh.MissingPart):
            one.send(1, 3, b"x", LIMIT)
        one.send(2, 3, b"x", LIMIT)
        assert other.receive(LIMIT).data == b"x"


@pytest.mark.parametrize("split", [[], ["--split"]], ids=["one", "split"])
def test_one_way(start, split):
    """A peer that only sends, and one that only receives: what needs an answer raises at once."""
    place = start("-l", "8M", *split).socket
    with ivsh.Peer(place, "alpha", send_only=True) as one, ivsh.Peer(place, "beta") as other:
        one.send("beta", 3, b"x", LIMIT)
        assert other.receive(LIMIT).data == b"x"
        for needs_answer in (
            lambda: other.send("alpha", 3, b"x", 30),
            lambda: other.call("alpha", 3, b"x", 30),
            lambda: one.call("beta", 3, b"x", 30),
            lambda: one.receive(30),
        ):
            began = time.monotonic()
            with pytest.raises(ivsh.OneWay):
                needs_answer()
            assert time.monotonic() - began < 5
    with ivsh.Peer(place, "gamma", receive_only=True) as one, ivsh.Peer(place, "beta") as other:
        other.send("gamma", 3, b"y", LIMIT)
        assert one.receive(LIMIT).data == b"y"
        with pytest.raises(ivsh.OneWay):
            one.send("beta", 3, b"x", LIMIT)
        with pytest.raises(ivsh.OneWay):
            one.report_loss("beta")
    with pytest.raises(ivsh.Invalid):
        ivsh.Peer(place, send_only=True, receive_only=True)


@pytest.mark.parametrize("split", [[], ["--split"]], ids=["one", "split"])
def test_report_loss(start, split):
    """A sender that has lost messages says so: behind what it sent, before what it sends next."""
    place = start("-l", "8M", *split).socket

    def losses(peer):
        kinds = []
        with contextlib.suppress(ivsh.Timeout):
            while True:
                kinds.append(peer.next_event().kind)
        return kinds.count(ivsh.EventKind.LOST)

    with ivsh.Peer(place, "alpha") as one, ivsh.Peer(place, "beta") as other:
        for turn in range(3):
            one.send("beta", 3, b"before", LIMIT)
            one.report_loss("beta")
            one.report_loss(other.slot)
            with pytest.raises(ivsh.Timeout):
                one.send("beta", 3, b"early", 0)
            assert losses(other) == 0
            assert other.receive(LIMIT).data == b"before"
            with pytest.raises(ivsh.Timeout):
                other.receive(0)
            assert losses(other) == 1
            one.send("beta", 3, b"after", LIMIT)
            assert losses(one) == 1
            assert other.receive(LIMIT).data == b"after"
        with pytest.raises(ivsh.NotThere):
            one.report_loss("nobody")
        with pytest.raises(ivsh.Invalid):
            one.report_loss(one.slot)


@pytest.mark.parametrize("split", [[], ["--split"]], ids=["one", "split"])
def test_server_anew(start, tmp_path, split):
    """Another server is started in its place: the peer is there again, and says so."""
    server = start("-l", "1M", "--slots=4", *split)
    with ivsh.Peer(server.socket, "alpha") as one, ivsh.Peer(server.socket, "alone",
                                                             reconnect=False) as other:  # fmt: skip
        while other.next_event(LIMIT).kind != ivsh.EventKind.UP:
            pass
        assert server.stop() == 0
        start("-l", "1M", "--slots=4", *split)
        assert ivsh.EventKind.REPLACED in kinds_until(one, ivsh.EventKind.REPLACED)
        with ivsh.Peer(server.socket, "new") as new:
            new.send("alpha", 3, b"again", LIMIT)
            assert one.receive(LIMIT).data == b"again"
        other.reopen()
        other.send("alpha", 3, b"too", LIMIT)
        assert one.receive(LIMIT).data == b"too"


# --- Loops, threads, signals ------------------------------------------------------------------


def test_asyncio(two):
    """Two tasks of one loop, each of which only sleeps in it."""
    one, other = two
    count = 200

    async def answer():
        for _ in range(count):
            message = await other.receive_async()
            other.send(message.peer, message.port, message.data)

    async def ask():
        for i in range(count):
            one.send("beta", 9, str(i).encode())
            assert (await asyncio.wait_for(one.receive_async(), LIMIT)).data == str(i).encode()

    async def both():
        await asyncio.gather(answer(), ask())

    asyncio.run(both())


def test_two_tasks_of_one_peer(two):
    """One gives up its wait, or waits for something else: the other is woken all the same."""
    one, other = two

    async def talk():
        receives = asyncio.ensure_future(one.receive_async())
        gone = asyncio.ensure_future(one.receive_async())
        controls = asyncio.ensure_future(one.wait_async(ivsh.CONTROL))
        for number in range(20):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(one.wait_async(ivsh.SPACE), 0.01)
            other.send("alpha", number)
            done, _ = await asyncio.wait(
                [receives, gone], timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED
            )
            assert [each.result().port for each in done] == [number]
            if receives in done:
                receives = asyncio.ensure_future(one.receive_async())
            else:
                gone = asyncio.ensure_future(one.receive_async())
        other.close()
        assert await asyncio.wait_for(controls, LIMIT) == ivsh.CONTROL
        gone.cancel()
        receives.cancel()

    # What was there before is no event of this test.
    assert one.next_event(LIMIT).kind == ivsh.EventKind.UP
    asyncio.run(talk())


def test_close_while_it_is_waited_for(two, together):
    """A thread, and a task, that wait are told: nobody waits for ever."""
    one, other = two

    def receive():
        with pytest.raises(ivsh.Invalid, match="closed"):
            one.receive()

    async def both():
        waits = asyncio.ensure_future(other.receive_async())
        await asyncio.sleep(0.05)
        other.close()
        with pytest.raises(ivsh.Invalid, match="closed"):
            await asyncio.wait_for(waits, LIMIT)

    together(receive)
    time.sleep(0.05)
    one.close()
    asyncio.run(both())


def test_two_threads_of_one_peer(two, together):
    """One receives while the other sends, for the whole time."""
    one, other = two
    count = 2000

    def echo():
        for _ in range(count):
            message = other.receive(LIMIT)
            other.send(message.peer, message.port, message.data)

    def send():
        for i in range(count):
            one.send(other.slot, 5, i.to_bytes(4, "little"), LIMIT)

    together(echo)
    together(send)
    got = [int.from_bytes(one.receive(LIMIT).data, "little") for _ in range(count)]
    assert got == list(range(count))


def test_both_ways_by_two_threads(two, together):
    """One thread writes what another reads back: neither has to wait for the other's slice."""
    one, other = two
    data = os.urandom(MIB) * 32

    def echo():
        with other.stream("alpha", 40, timeout=LIMIT) as stream:
            writes = 0
            for part in stream:
                writes += stream.write(part)
            stream.finish()
            assert writes == len(data)

    def both():
        def write():
            stream.write(data)
            stream.finish()

        together(echo)
        with one.stream("beta", 40, timeout=LIMIT) as stream:
            together(write)
            assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(data).digest()

    # 0.6 s on a machine of its own; 60 s where each wait keeps the other thread out for 0.1 s. A
    # thread that gets no processor misses turns: up to 40 s were seen where 13 others wanted one.
    within(45, both, 3)


def test_interrupt(two):
    """SIGINT ends a wait."""
    one, _ = two
    # Who started the tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        one.receive(LIMIT)
    timer.join()
    signal.signal(signal.SIGINT, before)


# --- Errors -----------------------------------------------------------------------------------


def test_errors(tmp_path, start):
    with pytest.raises(ivsh.NotThere, match="none: .*No such file"):
        ivsh.Peer(tmp_path / "none")
    (tmp_path / "short").write_bytes(b"x")
    with pytest.raises(ivsh.Error, match="short: "):
        ivsh.Peer(tmp_path / "short")
    (tmp_path / "other").write_bytes(b"ANOTHER " * MIB)
    with pytest.raises(ivsh.Damaged, match="other: "):
        ivsh.Peer(tmp_path / "other")
    server = start("-l", "1M", "--slots", 2)
    with ivsh.Peer(server.socket) as one:
        with pytest.raises(ivsh.Invalid):
            one.send(one.slot, 1)
        with pytest.raises(ivsh.Invalid):
            one.send(1, 1, bytes(one.max_size + 1), 1)
        with pytest.raises(ivsh.Invalid, match="timeout -1"):
            one.receive(-1)
        with ivsh.Peer(server.socket), pytest.raises(ivsh.Busy, match="slot"):
            ivsh.Peer(server.socket)


def test_without_the_library(tmp_path):
    """One line says what is missing, and what to do."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "host/python")}
    env["IVSH_CLIENT_LIBRARY"] = str(tmp_path / "none.so")
    done = subprocess.run(
        [sys.executable, "-c", "import ivsh"], env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ivsh: ") and "IVSH_CLIENT_LIBRARY" in last
