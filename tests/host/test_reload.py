# SPDX-License-Identifier: MIT
"""test_reload.py - SIGHUP: a new server reads the configuration, and takes over or does not."""

import os
import signal
import time

import pytest

from rawclient import SOAK, RawClient, is_one_file, until


class Configured:
    """A server with a configuration file that changes: what it has now, as lines."""

    def __init__(self, start, folder, *lines):
        self.path = folder / "config"
        self.write(*lines)
        self.server = start("-c", self.path)

    def write(self, *lines):
        self.path.write_text("".join(line + "\n" for line in lines))

    def reload(self, *lines, result="done"):
        """Write, and reload."""
        self.write(*lines)
        self.server.reload(result)

    def join(self, path=None, slots=8, vectors=2):
        client = RawClient(path or self.server.socket)
        client.handshake(slots, vectors)
        return client

    def refused(self, reason, path=None):
        """Connect, and be refused for that."""
        count = self.server.count(f"reason={reason}")
        client = RawClient(path or self.server.socket)
        assert client.message() == (1, None)
        assert client.message() is None
        self.server.await_line(f"reason={reason}", count + 1)


@pytest.fixture
def configured(start, tmp_path):
    return lambda *lines: Configured(start, tmp_path, *lines)


def test_nothing_changes(configured):
    """Even so another process serves; the clients receive nothing of it."""
    it = configured()
    first, old = it.join(), it.server.serving
    memory = first.map()
    epoch = memory[4096:4100]
    for turn in range(20 if SOAK else 5):
        it.reload()
        assert it.server.status("server")[0]["reloads"] == str(turn + 1)
    assert it.server.serving != old
    until(lambda: not os.path.exists(f"/proc/{old}"))
    second = it.join()
    assert second.id == 1 and first.is_quiet(0)
    assert memory[4096:4100] == epoch
    assert is_one_file(first.eventfds[1][1], second.eventfds[1][1])
    answer = it.server.status()
    assert answer["server"][0]["takeovers"] == "0", "none was needed"
    assert answer["count"][0]["indeterminate"] == "0"


def test_descriptors_stay(configured, tmp_path):
    it = configured()
    it.join()
    it.reload()

    def count():
        both = it.server.supervisor, it.server.serving
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in both]

    it.server.status()
    before = count()
    for _ in range(5):
        it.reload(f"slot = 5={tmp_path}/a", "verbose")
        it.join(tmp_path / "a").close()
        it.reload()
    it.server.status()
    it.server.kill_serving()
    until(lambda: count()[0] == before[0] and count()[1] <= before[1])


def test_bindings_come_and_go(configured, tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    it = configured(f"slot = alpha={a}")
    alpha, common = it.join(a), it.join()
    assert (alpha.id, common.id) == (0, 1)
    it.reload(f"slot = 4={b}")
    assert not a.exists() and not (tmp_path / "a.lock").exists()
    assert b.exists() and (tmp_path / "b.lock").exists()
    assert it.join(b).id == 4
    assert it.join().id == 2, "slot 0 is still alpha's, who lives"
    assert alpha.is_quiet(0)
    sockets = {(s.get("slot"), s["socket"]) for s in it.server.status("listener")}
    assert sockets == {(None, it.server.socket), ("4", str(b))}
    alpha.close()
    it.server.await_line("event=disconnect slot=0")
    assert it.join().id == 0, "now it is for everybody"
    it.server.kill_serving()
    assert b.exists() and not a.exists(), "what was read last is what counts"
    assert it.server.stop() == 0
    assert os.listdir(tmp_path) == ["config"]


def test_sockets_change_places(configured, tmp_path):
    """One goes to another slot, two change theirs, one takes the place of one that is gone."""
    a, b, c = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    it = configured(f"slot = 1={a}", f"slot = 2={b}")
    first = it.join(a)
    inode = a.stat().st_ino
    for lines, want in (
        ([f"slot = 5={a}", f"slot = 2={b}"], {a: 5, b: 2}),
        ([f"slot = 2={a}", f"slot = 5={b}"], {a: 2, b: 5}),
        ([f"slot = 5={b}", f"slot = 2={a}"], {a: 2, b: 5}),
        ([f"slot = 5={a}", f"slot = 2={c}"], {a: 5, c: 2}),
        ([f"slot = 6={tmp_path}/./a", f"slot = 5={tmp_path}//c"], {a: 6, c: 5}),
        ([f"slot = one={c}", f"slot = two={a}"], {c: 0, a: 1}),
    ):
        it.reload(*lines)
        assert first.is_quiet(0)
        for turn in range(2):
            for path, slot in want.items():
                if slot != 1:  # the first client has it
                    gone = it.server.count(f"event=disconnect slot={slot} ")
                    client = it.join(path)
                    assert client.id == slot
                    client.close()
                    it.server.await_line(f"event=disconnect slot={slot} ", gone + 1)
            if turn == 0:
                it.server.kill_serving()
        assert a.stat().st_ino == inode, "it is the same socket"
        found = {path.name for path in tmp_path.iterdir() if path.is_socket()}
        assert found == {"s", "s.control"} | {path.name for path in want}
    it.reload(f"slot = 3={a}", f"slot = 4={a}/x", result="failed")
    assert it.join(c).id == 0, "what a failed one wanted is forgotten"


@pytest.mark.parametrize("which", ["common", "control"])
def test_sockets_that_stay(configured, tmp_path, which):
    """A reload does not move those two, and the line prints their values."""
    it = configured()
    path = it.server.socket + (".control" if which == "control" else "")
    it.write(f"slot = 1=/{path}")
    it.server.reload("failed")
    line = it.server.await_line("config:1: slot: ")
    assert f"/{path}: this is the {which} socket, which stays where it is" in line


def test_binding_of_a_held_slot(configured, tmp_path):
    """The slot's holder keeps it; the new socket's client waits its second, and is refused."""
    it = configured()
    holder = it.join()
    it.reload(f"slot = 0={tmp_path}/a")
    it.refused("slot-in-use", tmp_path / "a")
    assert holder.is_quiet(0)
    holder.close()
    it.server.await_line("event=disconnect slot=0")
    assert it.join().id == 1
    assert it.join(tmp_path / "a").id == 0


def test_many_bindings(configured, tmp_path):
    """More than the link between the two processes holds at a time."""
    count = 400
    fixed = (f"slots = {count}", "vectors = 0", "raw")
    it = configured(*fixed)
    it.reload(*fixed, *(f"slot = {i}={tmp_path}/{i}" for i in range(count)))
    for i in (0, count // 2, count - 1):
        assert [RawClient(tmp_path / str(i)).message() for _ in range(1)] == [(0, None)]
    it.reload(*fixed)
    assert not (tmp_path / "7").exists()
    assert it.server.stop() == 0
    assert os.listdir(tmp_path) == ["config"]


def test_limits(configured):
    it = configured("per-uid = 2")
    clients = [it.join(), it.join()]
    it.refused("too-many-per-uid")
    it.reload("per-uid = 3")
    clients.append(it.join())
    it.refused("too-many-per-uid")
    it.reload("per-uid = 1")
    assert all(client.is_quiet(0) for client in clients), "who is in stays"
    it.refused("too-many-per-uid")
    it.reload(f"allow = user:{os.getuid() + 1}")
    it.refused("not-allowed")
    it.reload(f"allow = user:{os.getuid()}")
    assert it.join().id == 3
    assert it.server.status("refused") == [
        {"reason": "not-allowed", "count": "1"},
        {"reason": "too-many-per-uid", "count": "3"},
    ]


def test_verbose(configured):
    it = configured()
    it.join()
    assert not it.server.count("event=handshake-done")
    it.reload("verbose")
    it.join()
    it.server.await_line("event=handshake-done slot=1")


@pytest.mark.parametrize(
    "line,what",
    [
        ("slots = 9", "ivsh-server: --slots: is 8 while the server runs, 9 is asked for"),
        ("vectors = 3", "ivsh-server: --vectors: is 2 while"),
        ("size = 8M", "ivsh-server: --size: is 4194304 while"),
        ("raw", "ivsh-server: --raw: is 0 while"),
        ("classic", "ivsh-server: --classic: is 0 while"),
        ("shm = ivsh-test", "ivsh-server: kind of memory: is 0 while"),
        ("nonsense", "config:1: not"),
        ("slot = 99=/tmp/x", "config:1"),
        ("slot = 1=/nonexistent/x", "ivsh-server: {path}:1: slot: /nonexistent/x: lock: No such"),
    ],
)
def test_what_cannot_be(configured, line, what):
    """One line gives the reason; the old configuration goes on, also when the server is killed."""
    it = configured()
    first, old = it.join(), it.server.serving
    it.server.await_line("event=connect slot=0")
    before = len(it.server.lines)
    it.reload(line, result="failed")
    new = it.server.lines[before:]
    assert len(new) == 2 and "event=reload result=failed" in new[1], new
    what = what.format(path=it.path)
    assert "config:1" in new[0] if what.startswith("config") else new[0].startswith(what), new
    assert it.server.serving == old
    assert it.join().id == 1 and first.is_quiet(0)
    it.server.kill_serving()
    assert it.join().id == 2 and first.is_quiet(0)
    it.reload()
    assert it.join().id == 3


def test_file_is_gone(configured):
    it = configured()
    it.path.unlink()
    it.server.reload("failed")
    it.server.kill_serving()
    assert it.join().id == 0


def test_socket_of_another(configured, tmp_path):
    """A new binding that cannot be had: the other new one is given back."""
    it = configured()
    (tmp_path / "b").write_text("precious")
    it.reload(f"slot = 1={tmp_path}/a", f"slot = 2={tmp_path}/b", result="failed")
    assert sorted(os.listdir(tmp_path)) == sorted(
        ["config", "b", "s", "s.lock", "s.control", "s.control.lock"]
    )


def test_in_the_midst_of_handshakes(configured):
    """The old server ends between two messages: no client is indeterminate, each gets all once."""
    slots, vectors = 20, 20
    it = configured(f"slots = {slots}", f"vectors = {vectors}", "size = 64M")
    for _ in range(10 if SOAK else 2):
        clients, done = [], []
        for i in range(slots):
            clients.append(RawClient(it.server.socket))
            if i % 5 == 2:
                clients[i // 2].message()
                done.append(i // 2)
                it.reload(f"slots = {slots}", f"vectors = {vectors}", "size = 64M")
        ids = []
        for i, client in enumerate(clients):
            messages = [client.message() for _ in range(3 + slots * vectors - done.count(i))]
            values = [value for value, _ in messages]
            ids.append(values[1] if not done.count(i) else i)
            assert values[-1] == ids[-1]
            assert [values.count(n) for n in range(2, slots) if n != ids[-1]] == [
                vectors
            ] * (slots - 2 - (ids[-1] >= 2))
        assert sorted(ids) == list(range(slots))
        assert it.server.status("count")[0]["indeterminate"] == "0"
        assert all(client.is_quiet(0) for client in clients)
        for client in clients:
            client.close()
        until(lambda: all(s["state"] == "free" for s in it.server.status("slot")))


def test_several_at_once(configured, tmp_path):
    """However many: the last that was written is what counts in the end."""
    it = configured()
    first = it.join()
    for i in range(30):
        it.write(f"slot = 3={tmp_path}/{i}")
        it.server.process.send_signal(signal.SIGHUP)
        time.sleep(0.001 * (i % 4))
    until(lambda: (tmp_path / "29").exists())
    until(lambda: it.server.status("listener")[-1]["socket"] == f"{tmp_path}/29")
    until(lambda: sum(name.isdigit() for name in os.listdir(tmp_path)) == 1)
    assert it.join(tmp_path / "29").id == 3
    assert first.is_quiet(0)
    assert it.server.stop() == 0
    assert os.listdir(tmp_path) == ["config"]


@pytest.mark.parametrize("whom", ["old", "new", "both"])
def test_killed_meanwhile(configured, start, tmp_path, whom):
    """A reload in which either process is killed: there is a server in the end, no client lost."""
    it = configured()
    first = it.join()
    it.server.status("listener")  # answered behind the record of what first was sent
    children = f"/proc/{it.server.supervisor}/task/{it.server.supervisor}/children"
    for turn in range(100 if SOAK else 20):
        it.write(f"slot = 5={tmp_path}/{turn % 2}")
        it.server.process.send_signal(signal.SIGHUP)
        time.sleep(0.0004 * (turn % 10))
        pids = [int(pid) for pid in open(children).read().split()]
        if whom == "old":
            del pids[1:]
        elif whom == "new":
            del pids[:-1]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.0004 * (turn % 7))
    assert it.server.process.poll() is None
    assert it.join().id == 1 and first.is_quiet(0)
    it.server.reload("")
    until(lambda: len(open(children).read().split()) == 1)
    assert it.join().id == 2
    assert it.server.stop() == 0
    # One that is killed between making a name and telling it leaves that behind: a dead one.
    made = {f"{i}{end}" for i in (0, 1) for end in ("", ".new", ".lock")}
    assert set(os.listdir(tmp_path)) - made == {"config"}
    again = start("--slot", f"0={tmp_path}/0", "--slot", f"1={tmp_path}/1")
    assert [it.join(tmp_path / name).id for name in "01"] == [0, 1]
    assert again.stop() == 0


def test_sigterm_meanwhile(configured):
    """A reload that is under way when SIGTERM comes ends with the rest."""
    it = configured()
    it.join()
    it.server.process.send_signal(signal.SIGHUP)
    assert it.server.stop() == 0
