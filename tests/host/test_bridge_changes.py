# SPDX-License-Identifier: MIT
"""test_bridge_changes.py - what administrators do to a bridge: its mapping, its stream, its bus."""

import contextlib
import json
import signal
import struct
import time

import pytest
from bridgetool import PORT, Peer, Receiver, Sender, drained, exchange, fill, ivsh, killed
from rawclient import until
from servertool import LIMIT

ATTACHED = ivsh.Presence.ATTACHED


STREAM = 4 << 20  # bytes, of which a pair fills a quarter, but for less than a frame
SHARE = (STREAM >> 2) - (1 << 16)


def stream_bytes(raw):
    """Of what JetStream's stream has."""
    return ask(raw, "$JS.API.STREAM.INFO.ivsh_r")["state"]["bytes"]


def number(i):
    return struct.pack("<Q", i)


def met(a, b):
    """Both see each other."""
    a.find("bpeer", LIMIT)
    b.find("apeer", LIMIT)


def losses(peer):
    """How many reports of a loss there are by now."""
    count = 0
    with contextlib.suppress(ivsh.Timeout):
        while True:
            count += peer.next_event(0).kind == ivsh.EventKind.LOST
    return count


def ask(raw, subject, data=b""):
    """JetStream's answer."""
    request = b"SUB answer 2\r\nPUB %s answer %d\r\n%s\r\nUNSUB 2 1\r\n"
    raw.socket.sendall(request % (subject.encode(), len(data), data))
    return json.loads(raw.take()[1])


@pytest.mark.parametrize("mode", ["core", "jetstream"])
@pytest.mark.parametrize("how", ["reload", "restart"])
def test_other_slot(world, tmp_path, mode, how):
    """
    SPEC R19.1.4: a pair that gets another slot, and one that gets its last slot back, passes all
    that stands in the rings there, wherever the reading of its last ring had ended.
    """
    w = world(mode, servers=(("--slot", f"6={tmp_path}/s6"), ()))
    first = w.a.config.read_text()
    other = first.replace("slot 5 =", "slot 6 =").replace(f"{w.a.folder}/s5", f"{tmp_path}/s6")
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        for i in range(20):
            # Of other sizes: so each has a descriptor of its own.
            a.send(5, PORT, bytes(100 + i), LIMIT)
            assert len(b.receive(LIMIT).data) == 100 + i
        for slot, text in ((6, other), (5, first)):
            w.a.config.write_text(text)
            count = w.a.bridge.count(f"event=attach slot={slot}")
            if how == "reload":
                w.a.bridge.process.send_signal(signal.SIGHUP)
            else:
                w.a.bridge.stop()
                w.a.bridge.start()
            w.a.bridge.await_line(f"event=attach slot={slot}", count + 1)
            until(lambda slot=slot: a.peer(slot).presence == ATTACHED)
            for i in range(10):
                a.send(slot, PORT, number(i), LIMIT)
            for i in range(10):
                assert b.receive(LIMIT).data == number(i)
            # What was left in the last ring is of nobody here any more.
            assert losses(b) > 0


def test_largest(world):
    """JetStream: what is as large as the bus takes without the header of its id is no stop."""
    most = 65536
    large = ("-l", "16M")
    w = world("jetstream", nats=f"max_payload: {most}\n", servers=(large, large))
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        # Many at a time: frames as full as they get.
        for _ in range(100):
            a.send(5, PORT, bytes(4000), LIMIT)
        for _ in range(100):
            assert len(b.receive(LIMIT).data) == 4000
        assert losses(b) == 0
        for size in range(most - 300, most + 50, 10):
            a.send(5, PORT, bytes(size), LIMIT)
            a.send(5, PORT, number(size), LIMIT)
            data = b.receive(LIMIT).data
            if len(data) == size:
                data = b.receive(LIMIT).data
            else:
                assert losses(b) > 0
            assert data == number(size)


def test_stream_removed(world):
    """A stream that somebody removes is made again, and takes what comes from then on."""
    w = world("jetstream")
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        for i in range(5):
            a.send(5, PORT, number(i), LIMIT)
            assert b.receive(LIMIT).data == number(i)
        assert ask(w.raw(), "$JS.API.STREAM.DELETE.ivsh_r")["success"]
        a.send(5, PORT, number(5), LIMIT)
        b.send(5, PORT, number(6), LIMIT)
        # Up to 5 s until a request to the last one is given up, and 3 for what the next ones take.
        assert b.receive(3 * LIMIT).data == number(5)
        assert a.receive(3 * LIMIT).data == number(6)
        assert losses(a) == losses(b) == 0


@pytest.mark.parametrize("runs", [True, False], ids=["runs", "does not run"])
def test_stream_made_anew(world, runs):
    """
    SPEC R19.2.8: one that somebody removes and makes again, as to give it more copies, has other
    messages at the sequences of the last one: these are read, and not purged as known.
    """
    w = world("jetstream")
    raw = w.raw()
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        # Of two ports in turn: each is a frame of its own, and has a sequence.
        for i in range(60):
            a.send(5, PORT + i % 2, number(i), LIMIT)
        for i in range(60):
            assert b.receive(LIMIT).data == number(i)
        if not runs:
            w.b.bridge.stop(signal.SIGKILL)
        config = ask(raw, "$JS.API.STREAM.INFO.ivsh_r")["config"]
        assert ask(raw, "$JS.API.STREAM.DELETE.ivsh_r")["success"]
        made = ask(raw, "$JS.API.STREAM.CREATE.ivsh_r", json.dumps(config).encode())
        assert "error" not in made
        count = 10 if runs else 100
        for i in range(count):
            a.send(5, PORT + i % 2, number(i), LIMIT)
        if not runs:
            # More than the last one had: its last sequence does not show that it is another one.
            until(lambda: w.a.bridge.pair("sent") == 60 + count)
            w.b.bridge.start()
        for i in range(count):
            # 5 s until a request to the last one is given up, where that shows by nothing else.
            assert b.receive(3 * LIMIT).data == number(i)
        assert losses(b) == 0


def test_limited_stream(world):
    """What the stream's administrator limits waits, and the log has JetStream's words."""
    w = world("jetstream")
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        raw = w.raw()
        config = ask(raw, "$JS.API.STREAM.INFO.ivsh_r")["config"]
        for size in (1000, -1):
            limited = json.dumps({**config, "max_msg_size": size})
            assert "error" not in ask(raw, "$JS.API.STREAM.UPDATE.ivsh_r", limited.encode())
            if size < 0:
                break
            a.send(5, PORT, bytes(2000), LIMIT)
            a.send(5, PORT, number(1), LIMIT)
            assert "message size exceeds" in w.a.bridge.await_line("event=refused to=b/bpeer")
            assert w.b.bridge.pair("received") == 0
        assert b.receive(LIMIT).data == bytes(2000)
        assert b.receive(LIMIT).data == number(1)
        assert losses(b) == 0 and w.a.bridge.count("event=refused") == 1


def test_odd_stream(world):
    """A stream that loses messages, and one with other subjects, which answers nothing: lines."""
    w = world("jetstream")
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        raw = w.raw()
        config = ask(raw, "$JS.API.STREAM.INFO.ivsh_r")["config"]
        odd = json.dumps({**config, "discard": "old", "subjects": ["ivsh.other"]}).encode()
        assert "error" not in ask(raw, "$JS.API.STREAM.UPDATE.ivsh_r", odd)
        a.send(5, PORT, number(0), LIMIT)
        # Each 2 s it is sent again.
        assert "answer=\"none" in w.a.bridge.await_line("event=refused to=b/bpeer", limit=2 * LIMIT)
        w.b.bridge.stop()
        w.b.bridge.start()
        assert "discard=new" in w.b.bridge.await_line("event=warning what=stream")
        right = json.dumps(config).encode()
        assert "error" not in ask(raw, "$JS.API.STREAM.UPDATE.ivsh_r", right)
        assert b.receive(2 * LIMIT).data == number(0)
        assert w.a.bridge.count("event=refused") == 1


def test_silent_stream(world):
    """Where JetStream does not answer, a line says so."""
    user = 'user: x, password: y, permissions: {publish: {deny: "$JS.API.>"}}'
    w = world("jetstream", nats=f"authorization: {{users: [{{{user}}}]}}\nno_auth_user: x\n")
    for side in w.sides:
        assert "stream=ivsh_r" in side.bridge.await_line("event=stream-silent")


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_half_mapped(world, tmp_path, mode):
    """
    SPEC R19.1.6: what a local peer sends that the other bridge has no slot for stays in the ring,
    and not in the stream; a line says so. When the other bridge gets one, it comes.
    """
    w = world(mode, servers=(("--slot", f"6={tmp_path}/s6"), ()))
    w.b.config.write_text(w.b.config.read_text() + "local 1 = other\n")
    w.b.bridge.process.send_signal(signal.SIGHUP)
    w.b.bridge.await_line("event=reload result=done")
    with w.a.peer() as a, w.b.peer() as b, Peer(w.b.socket, "other", slot=1) as other:
        met(a, b)
        other.find("apeer", LIMIT)
        for i in range(10):
            other.send(5, PORT, number(i), LIMIT)
        assert "name=other" in w.b.bridge.await_line("event=unnamed local=1")
        if mode == "jetstream":
            assert ask(w.raw(), "$JS.API.STREAM.INFO.ivsh_r")["state"]["messages"] == 0
        more = f"slot 6 = b/other {mode} socket={tmp_path}/s6\n"
        w.a.config.write_text(w.a.config.read_text() + more)
        w.a.bridge.process.send_signal(signal.SIGHUP)
        for i in range(10):
            m = a.receive(LIMIT)
            assert (m.peer, m.data) == (6, number(i))
        assert losses(a) == 0


def test_shared_stream(world):
    """SPEC R19.1.9: a receiver that takes nothing leaves room in the stream for other pairs."""
    large = ("-l", "16M")
    w = world("jetstream", f"stream-size = {STREAM}\nbuffer = 128K\n", servers=(large, large))
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        raw = w.raw()
        sent = fill(a, lambda: stream_bytes(raw) > SHARE, bytes(3000))
        assert stream_bytes(raw) < STREAM / 2
        assert w.a.bridge.pair("refused") == 0
        b.send(5, PORT, b"other way", LIMIT)
        assert a.receive(LIMIT).data == b"other way"
        for i in range(sent):
            assert b.receive(LIMIT).data[:8] == number(i)
        assert losses(b) == 0


def test_purged_stream(world):
    """What an administrator removes from the stream is a loss, and stops nothing."""
    large = ("-l", "16M")
    w = world("jetstream", f"stream-size = {STREAM}\nbuffer = 128K\n", servers=(large, large))
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        raw = w.raw()
        sent = fill(a, lambda: stream_bytes(raw) > SHARE, bytes(3000))
        assert ask(raw, "$JS.API.STREAM.PURGE.ivsh_r")["purged"] > 0
        seen = []
        while not seen or seen[-1] != sent - 1:
            seen.append(struct.unpack_from("<Q", b.receive(2 * LIMIT).data)[0])
        assert seen == sorted(set(seen)) and len(seen) < sent
        assert losses(b) > 0


def test_purged_share(world):
    """
    SPEC R19.1.9: a pair whose part of the stream is full, and of which somebody has removed all,
    sends a frame each 5 s, which shows the receiver its loss: else neither would ever go on.
    """
    large = ("-l", "16M")
    w = world("jetstream", f"stream-size = {STREAM}\n", servers=(large, large))
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        raw = w.raw()
        with killed(w, w.b):
            sent = fill(a, lambda: stream_bytes(raw) > SHARE, bytes(3000))
            until(lambda: w.a.bridge.pair("in_flight") == 0)
        begun, taken = time.monotonic(), w.a.bridge.pair("sent")
        assert taken < sent
        assert ask(raw, "$JS.API.STREAM.PURGE.ivsh_r")["purged"] > 10
        w.b.bridge.start()
        first = struct.unpack_from("<Q", b.receive(2 * LIMIT).data)[0]
        # One was sent for each 5 s that have passed, and no more: of 21 messages at most.
        assert taken <= first <= taken + 21 * (1 + (time.monotonic() - begun) / 5)
        for i in range(first + 1, sent):
            assert struct.unpack_from("<Q", b.receive(LIMIT).data)[0] == i
        assert losses(b) == 1


def test_other_mode(world):
    """
    SPEC R19.3.4: each host says how its own peers' messages go. Another mode, while they come,
    loses and repeats none, and changes no order.
    """
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        right = w.b.config.read_text()
        sent, received = 0, 0

        def exchange(count):
            nonlocal sent, received
            for _ in range(count):
                b.send(5, PORT, struct.pack("<Q", sent), LIMIT)
                sent += 1
            while received < sent:
                assert struct.unpack("<Q", a.receive(LIMIT).data) == (received,)
                received += 1
            a.send(5, PORT, b"back", LIMIT)
            assert b.receive(LIMIT).data == b"back"

        for mode in ("jetstream", "core", "jetstream"):
            exchange(300)
            for _ in range(100):  # that may be on their way
                b.send(5, PORT, struct.pack("<Q", sent), LIMIT)
                sent += 1
            reloads = w.b.bridge.count("event=reload")
            w.b.config.write_text(right.replace(" core ", f" {mode} "))
            w.b.bridge.process.send_signal(signal.SIGHUP)
            assert "result=done" in w.b.bridge.await_line("event=reload", reloads + 1)
            exchange(300)
            assert w.b.bridge.status()[1]["mode"] == mode
            assert w.a.bridge.status()[1]["mode"] == "core"
        # What the stream has comes to a bridge that begins, and so does what others send.
        w.a.bridge.stop(signal.SIGKILL)
        b.send(5, PORT, struct.pack("<Q", sent), LIMIT)
        sent += 1
        w.a.bridge.start()
        exchange(300)
        assert ivsh.EventKind.LOST not in drained(a) + drained(b)


def test_other_mode_slowly(world):
    """
    SPEC R19.3.4: from JetStream to core while the receiver takes nothing. What the stream has is
    not lost for that: after 3 s it was reported as lost, and never read.
    """
    w = world("jetstream")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        b.find("apeer", LIMIT)
        count = 4000  # more than the ring and the bridge have room for
        for i in range(count):
            b.send(5, PORT, struct.pack("<Q", i) + bytes(2000), LIMIT)
        text = w.b.config.read_text()
        reloads = w.b.bridge.count("event=reload")
        w.b.config.write_text(text.replace(" jetstream ", " core "))
        w.b.bridge.process.send_signal(signal.SIGHUP)
        assert "result=done" in w.b.bridge.await_line("event=reload", reloads + 1)
        until(lambda: w.a.bridge.pair("waiting") > 0)
        time.sleep(6)  # a stream may bring nothing for 3 s, while nothing waits
        for i in range(count):
            assert struct.unpack("<Q", a.receive(LIMIT).data[:8]) == (i,)
        assert ivsh.EventKind.LOST not in drained(a)


def change_mode(side, last, mode):
    """Its peers' messages go in another mode from here on."""
    reloads = side.bridge.count("event=reload")
    side.config.write_text(side.config.read_text().replace(f" {last} ", f" {mode} "))
    side.bridge.process.send_signal(signal.SIGHUP)
    assert "result=done" in side.bridge.await_line("event=reload", reloads + 1)


def fill_far(w, a):
    """Send numbers until some wait in the bridge of b, and none before it: how many."""
    sent = 0

    def came():
        pair = w.b.bridge.status()[1]
        return int(pair["received"]), int(pair["waiting"])

    while True:
        for _ in range(50):
            a.send(5, PORT, number(sent), LIMIT)
            sent += 1
        until(lambda: w.a.bridge.pair("sent") == sent)
        until(lambda: came()[0] == sent or came()[1])
        # It answers between two turns: none was moved in the one, so the ring is full.
        first, second = came(), came()
        if first == second and first[0] < sent and first[1]:
            return sent


def test_other_mode_waiting(world):
    """
    SPEC R19.3.4: what has come in mode core and waits for its receiver waits on where the mode is
    JetStream since. When the bridge began to read the stream it was dropped.
    """
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        sent = fill_far(w, a)
        change_mode(w.a, "core", "jetstream")
        raw = w.raw()

        def is_read():
            found = ask(raw, "$JS.API.CONSUMER.LIST.ivsh_r").get("consumers", ())
            return any("a.apeer.*.b.bpeer" in one["config"]["filter_subject"] for one in found)

        until(is_read)
        a.send(5, PORT, number(sent), LIMIT)
        for i in range(sent + 1):
            assert b.receive(LIMIT).data == number(i)
        assert losses(b) == 0


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_other_mode_back(world, mode):
    """
    SPEC R19.3.2: another mode of what a bridge sends changes nothing of what comes: its slot stays,
    and so does what waits for its receiver. It was attached anew, and what waited was lost.
    """
    w = world(mode)
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        before = b.peer(5).incarnation
        sent = fill_far(w, a)
        change_mode(w.b, mode, "jetstream" if mode == "core" else "core")
        for i in range(sent):
            assert b.receive(LIMIT).data == number(i)
        b.send(5, PORT, b"back", LIMIT)
        assert a.receive(LIMIT).data == b"back"
        assert losses(b) == 0 and b.peer(5).incarnation == before
        assert w.b.bridge.count("event=attach slot=5") == 1


def test_other_mode_tail(world):
    """
    SPEC R19.1.10, R19.2.9: what was lost in mode core is reported where the mode is JetStream
    since, and no message comes any more. It showed before the next message, and not until then.
    """
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        sent = fill_far(w, a)
        w.b.bridge.stop(signal.SIGKILL)
        change_mode(w.a, "core", "jetstream")
        w.b.bridge.start()
        received = 0

        def is_reported():
            nonlocal received
            with contextlib.suppress(ivsh.Timeout):
                while True:
                    assert b.receive(0).data == number(received)
                    received += 1
            return losses(b) == 1

        until(is_reported)
        assert received < sent
        a.send(5, PORT, number(sent), LIMIT)
        assert b.receive(LIMIT).data == number(sent)
        assert losses(b) == 0 and w.b.bridge.pair("lost") == sent - received


def test_other_mode_unread(world):
    """
    SPEC R19.3.4: from JetStream to core, for a bridge that has read nothing of the stream yet, and
    is of mode core itself. It began with a state of mode core, and took all for lost.
    """
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        change_mode(w.a, "core", "jetstream")
        until(lambda: w.a.bridge.pair("heard"))
        w.b.bridge.stop(signal.SIGKILL)
        for i in range(20):
            a.send(5, PORT, number(i), LIMIT)
        until(lambda: w.a.bridge.pair("sent") == 20)
        change_mode(w.a, "jetstream", "core")
        w.b.bridge.start()
        for i in range(20):
            assert b.receive(LIMIT).data == number(i)
        a.send(5, PORT, number(20), LIMIT)
        assert b.receive(LIMIT).data == number(20)
        assert losses(b) == 0
        # Nobody reads the stream now, and nothing is left in there.
        raw = w.raw()
        until(lambda: ask(raw, "$JS.API.STREAM.INFO.ivsh_r")["state"]["messages"] == 0)


def test_reload(world):
    """SIGHUP: a slot goes and comes; what is wrong, or no mapping, changes nothing."""
    w = world("core")
    log = w.a.bridge.await_line
    with w.a.peer() as a, w.b.peer():
        a.find("bpeer", LIMIT)
        first = a.peer(5).incarnation
        right = w.a.config.read_text()

        def reload(text, result):
            count = w.a.bridge.count("event=reload")
            w.a.config.write_text(text)
            w.a.bridge.process.send_signal(signal.SIGHUP)
            assert f"result={result}" in log("event=reload", count + 1)

        reload(right + "nonsense\n", "refused")
        log("nonsense: not KEY = VALUE")
        reload(right.replace("host = a", "host = z"), "refused")
        reload(right, "done")
        assert (a.peer(5).incarnation, a.peer(5).presence) == (first, ivsh.Presence.ATTACHED)
        reload(right.replace("b/bpeer", "b/other"), "done")
        until(lambda: a.peer(5).presence == ivsh.Presence.ABSENT)
        reload(right, "done")
        until(lambda: a.peer(5).presence == ivsh.Presence.ATTACHED)
        assert a.peer(5).incarnation == first + 1


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_other_locals(world, tmp_path, mode):
    """
    One more local peer, one less, and one in another slot: the others' messages go on meanwhile,
    none is lost, remote peers keep their slots, and the new one is heard.
    """
    w = world(mode, servers=((), ("--slot", f"6={tmp_path}/s6")))
    first = w.a.config.read_text()
    w.b.config.write_text(w.b.config.read_text() + f"slot 6 = a/more {mode} socket={tmp_path}/s6\n")
    w.b.bridge.process.send_signal(signal.SIGHUP)
    w.b.bridge.await_line("event=reload result=done")
    with w.a.peer() as a, w.b.peer() as b:
        met(a, b)
        sender, receiver = Sender(a, 1 << 40), Receiver(b)
        try:
            for turn, more in enumerate(("local 1 = more\n", "", "local 2 = more\n") * 2):
                w.a.config.write_text(first + more)
                w.a.bridge.process.send_signal(signal.SIGHUP)
                w.a.bridge.await_line("event=reload result=done", turn + 1)
                sent = w.a.bridge.pair("sent")
                until(lambda sent=sent: w.a.bridge.pair("sent") > sent)
        finally:
            sender.end()
        until(lambda: receiver.next() == sender.sent)
        receiver.end()
        assert (receiver.missing, receiver.lost, receiver.repeated) == (0, 0, 0)
        assert w.a.bridge.count("event=detach") == w.b.bridge.count("event=detach") == 0
        with Peer(w.a.socket, "other", slot=1), Peer(w.a.socket, "more", slot=2) as more:
            assert b.find("more", LIMIT) == 6
            more.send(5, PORT, b"from the new one", LIMIT)
            m = b.receive(LIMIT)
            assert (m.peer, m.data) == (6, b"from the new one")


def test_wrong_mapping(world, tmp_path):
    """A local slot that the region has not, another region's socket, a file in the way: lines."""
    w = world("core", servers=((), ("--slot", f"6={tmp_path}/s6")))
    mapping = w.a.config.read_text()
    w.b.config.write_text(w.b.config.read_text() + "local 1 = other\n")
    w.b.bridge.process.send_signal(signal.SIGHUP)
    w.b.bridge.await_line("event=reload result=done")
    # As other programs may have left it there.
    (w.a.folder / "state/apeer.b.third").mkdir()
    more = f"local 200 = none\nslot 6 = b/other socket={tmp_path}/s6\nslot 7 = b/third\n"
    w.a.config.write_text(mapping + more)
    w.a.bridge.process.send_signal(signal.SIGHUP)
    assert "remotes=2 missing=1" in w.a.bridge.await_line("event=reload result=incomplete")
    assert w.a.bridge.count("apeer.b.third: Is a directory") == 1
    said = w.a.bridge.await_line("event=warning what=local")
    assert "slot=200 name=none" in said and "slots 0 to 7" in said
    with w.b.peer(), Peer(w.b.socket, "other", slot=1):
        said = w.a.bridge.await_line("event=warning what=region")
        assert f"slot=6 peer=b/other place={tmp_path}/s6" in said and str(w.a.socket) in said
    (w.a.folder / "state/apeer.b.third").rmdir()
    w.a.config.write_text(mapping)
    w.a.bridge.process.send_signal(signal.SIGHUP)
    w.a.bridge.await_line("event=reload result=done")
    exchange(w, b"all the same")


def test_small_bus(world):
    """A bus that takes no state with all its services: a line for each connection says so."""
    w = world("core", nats="max_payload: 535\n")
    warning = "event=warning what=max-payload bytes=%d hint="
    with w.a.peer() as a, w.b.peer() as b:
        for side in w.sides:
            line = side.bridge.await_line(warning % 535)
            assert "up to 536 bytes: raise max_payload in its configuration" in line
            assert side.bridge.status()[0]["max_payload_bytes"] == "535"
        # What is not too large passes.
        assert b.find("apeer", LIMIT) == 5
        for i in range(16):
            a.offer(f"s{i:026}", i + 1000)
        until(lambda: b.peer(5).presence != ivsh.Presence.ATTACHED)
        # Then the server takes more.
        w.nats.stop()
        w.nats.config.write_text("max_payload: 536\n")
        w.nats.start()
        assert b.find_service(f"s{15:026}", LIMIT) == (5, 1015)
        for side in w.sides:
            assert side.bridge.status()[0]["max_payload_bytes"] == "536"
            assert side.bridge.count("what=max-payload") == 1
        # And less again.
        w.nats.stop()
        w.nats.config.write_text("max_payload: 40\n")
        w.nats.start()
        for side in w.sides:
            side.bridge.await_line(warning % 40)
