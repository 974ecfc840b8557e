# SPDX-License-Identifier: MIT
"""test_supervisor.py - a server or a supervisor is killed: what clients see of it.

IVSH_SOAK=1: as often as the project promises; otherwise a tenth of it.
"""

import os
import random
import re
import shutil
import signal
import statistics
import struct
import threading
import time

import pytest

from rawclient import LIMIT, SOAK, RawClient, is_one_file, is_over, is_readable, until, within
from test_qemu import qemu as qemu

PAGE = 4096  # SPEC 4: epoch, heartbeat, change, vectors; connection words
CONNECTION = PAGE + 64
KILLS = 100 if SOAK else 10
MODES = {"slots": [], "classic": ["--classic", "--raw"]}


def word(memory, offset):
    return struct.unpack_from("<I", memory, offset)[0]


def is_connected(memory, slot):
    return word(memory, CONNECTION + 4 * slot) % 2 == 1


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def is_gone(pid):
    """It has ended, and whoever started it has waited for it."""
    return not os.path.exists(f"/proc/{pid}")


def join(path, slots, vectors):
    client = RawClient(path)
    client.handshake(slots, vectors)
    return client


def check_handshake(messages, client_id, slots, vectors):
    """A whole handshake in slot mode: nothing missing, nothing twice, in the order of SPEC 3."""
    order = [slot for slot in range(slots) if slot != client_id] + [client_id]
    values = [0, client_id, -1] + [slot for slot in order for _ in range(vectors)]
    assert [value for value, _ in messages] == values
    assert [fd is not None for _, fd in messages] == [False, False] + [True] * (len(values) - 2)


def test_every_state(start, tmp_path):
    """One kill, and a client in each state that there is."""
    bound = tmp_path / "b"
    many = ("--slots", 16, "-n", 32, "-l", "64M", "--slot", f"5={bound}")
    server = start(*many)
    ready = join(server.socket, 16, 32)
    stalled = RawClient(server.socket)
    leaver = join(server.socket, 16, 32)
    holder = join(bound, 16, 32)
    waiting = RawClient(bound)
    until(lambda: server.status("waiting"))
    begun = [stalled.message() for _ in range(100)]
    memory = ready.map()
    epoch, beat = word(memory, PAGE), word(memory, PAGE + 4)
    assert [client.id for client in (ready, leaver, holder)] == [0, 2, 5]

    os.kill(server.supervisor, signal.SIGSTOP)  # so that there is a time without a server
    old = server.serving
    os.kill(old, signal.SIGKILL)
    leaver.close()
    joiner = RawClient(server.socket)
    holder.close()
    os.kill(server.supervisor, signal.SIGCONT)
    server.await_line("event=takeover")
    joiner.handshake(16, 32)

    assert joiner.id == 2, "the lowest that is free: the leaver was noticed before"
    assert "slot=2" in server.await_line("event=disconnect slot=2")
    check_handshake(waiting.handshake(16, 32), 5, 16, 32)
    check_handshake(begun + [stalled.message() for _ in range(3 + 16 * 32 - 100)], 1, 16, 32)
    assert ready.is_quiet() and stalled.is_quiet(0)
    assert is_one_file(ready.eventfds[1][7], joiner.eventfds[1][7])
    assert is_one_file(ready.eventfds[5][0], waiting.eventfds[5][0])
    assert server.serving != old and is_gone(old)
    assert word(memory, PAGE) == epoch
    until(lambda: word(memory, PAGE + 4) > beat + 2)
    connected = [slot for slot in range(16) if is_connected(memory, slot)]
    assert connected == [0, 1, 2, 5]
    answer = server.status()
    assert answer["server"][0]["takeovers"] == "1"
    assert answer["server"][0]["epoch"] == f"0x{epoch:08x}"
    assert answer["count"][0]["indeterminate"] == "0"
    held = {int(slot["id"]): slot["state"] for slot in answer["slot"] if slot["state"] != "free"}
    assert held == {0: "ready", 1: "ready", 2: "ready", 5: "ready"}


@pytest.mark.parametrize("mode", MODES)
def test_kills_in_a_row(start, mode):
    """A third client joins after each; supervisor and server hold as many descriptors as before."""
    server = start(*MODES[mode], "--slots", 8, "-n", 2)
    first, second = RawClient(server.socket), RawClient(server.socket)
    until(lambda: [s["state"] for s in server.status("slot")].count("ready") == 2)
    server.kill_serving()
    server.status()
    before = descriptors(server.supervisor), descriptors(server.serving)
    took = []
    for turn in range(KILLS):
        began = time.monotonic()
        os.kill(server.serving, signal.SIGKILL)
        third = RawClient(server.socket)
        assert third.message() == (0, None)
        took.append(time.monotonic() - began)
        assert third.message()[0] == (2 if mode == "slots" else 2 + turn)
        third.message()
        server.await_line("event=takeover", 2 + turn)
        third.close()
        server.await_line("event=disconnect", 1 + turn)
    until(lambda: (descriptors(server.supervisor), descriptors(server.serving)) == before)
    answer = server.status()
    assert answer["server"][0]["takeovers"] == str(KILLS + 1)
    states = [slot["state"] for slot in answer["slot"] if slot["state"] != "free"]
    # With --classic the server sends each join and leave, and a kill may hit just then.
    assert states == ["ready"] * 2 or mode == "classic" and len(states) == 2
    assert statistics.median(took) < 1  # each, but that others may have the processors
    print(f"{mode}: {KILLS} kills, until a client is served: median"
          f" {statistics.median(took) * 1000:.1f} ms, at most {max(took) * 1000:.1f} ms")
    if mode == "slots":
        check_handshake([first.message() for _ in range(19)], 0, 8, 2)
        check_handshake([second.message() for _ in range(19)], 1, 8, 2)
    children = open(f"/proc/{server.supervisor}/task/{server.supervisor}/children").read().split()
    assert children == [str(server.serving)], "no zombies"


class Burst:
    """Clients that join at one time, and what each has read so far."""

    def __init__(self, path, count):
        self.clients = [RawClient(path) for _ in range(count)]
        self.got = [[] for _ in self.clients]

    def read(self):
        """Read the messages that are there now; None is the end of a stream."""
        for client, got in zip(self.clients, self.got):
            while not (got and got[-1] is None) and is_readable(client.socket, 0):
                try:
                    got.append(client.message())
                except ConnectionResetError:
                    got.append(None)

    def close(self):
        for client in self.clients:
            client.close()


def check_classic(messages, vectors, clients):
    """As QEMU's server tells it: whole, and each peer's eventfds together and once."""
    assert [value for value, _ in messages[:3:2]] == [0, -1]
    peers = [value for value, _ in messages[3:]]
    assert len(set(peers)) * vectors == len(peers) == clients * vectors
    for i in range(0, len(peers), vectors):
        assert peers[i : i + vectors] == [peers[i]] * vectors


@pytest.mark.parametrize("mode", MODES)
def test_killed_in_a_burst(start, mode):
    """
    At any moment of 20 handshakes: each client gets all of it, once and in order, and none sees its
    stream end before it has the memory: QEMU would spin for ever.
    """
    slots, vectors = 20, 12
    server = start(*MODES[mode], "--slots", slots, "-n", vectors, "-l", "64M")
    chance = random.Random(4)
    want = 3 + slots * vectors
    for turn in range(30 * KILLS // 10):
        burst = Burst(server.socket, 20)
        time.sleep(chance.random() * 0.006)
        server.kill_serving()

        def is_settled():
            burst.read()
            told = sum(
                slot["state"] == "ready" and slot["queued"] == "0" for slot in server.status("slot")
            )
            return told == 20 and all(len(got) >= want for got in burst.got)

        until(is_settled)
        burst.read()
        assert all(None not in got for got in burst.got), "no stream has ended"
        assert len({got[1][0] for got in burst.got}) == 20
        for got in burst.got:
            if mode == "slots":
                check_handshake(got, got[1][0], slots, vectors)
            else:
                check_classic(got, vectors, 20)
        burst.close()
        until(lambda: all(s["state"] == "free" for s in server.status("slot")))
    assert server.status("count")[0]["indeterminate"] == "0"


class Joiner(threading.Thread):
    """Joins, takes the whole handshake, and leaves, until the test ends it."""

    def __init__(self, path, slots, vectors):
        super().__init__()
        self.path, self.shape = path, (slots, vectors)
        self.is_ending = False
        self.joins, self.fault = 0, None

    def run(self):
        while not self.is_ending and not self.fault:
            client = RawClient(self.path)
            try:
                messages = client.handshake(*self.shape)
                check_handshake(messages, client.id, *self.shape)
                self.joins += 1
            except (OSError, AssertionError, TypeError) as fault:
                self.fault = repr(fault)
            finally:
                client.close()


def test_killed_under_joiners(start):
    """While eight join and leave without a pause: nobody is deaf."""
    slots, vectors, kills = 16, 16, 125 if SOAK else 40
    server = start("--slots", slots, "-n", vectors, "-l", "64M")
    joiners = [Joiner(server.socket, slots, vectors) for _ in range(8)]
    chance = random.Random(6)
    for joiner in joiners:
        joiner.start()
    try:
        for _ in range(kills):
            time.sleep(0.1 + chance.random() * 0.004)  # longer than a run that counts as a failure
            server.kill_serving()
    finally:
        for joiner in joiners:
            joiner.is_ending = True
        for joiner in joiners:
            joiner.join()
    assert [joiner.fault for joiner in joiners] == [None] * 8
    assert sum(joiner.joins for joiner in joiners) > kills
    count = server.status("count")[0]
    assert (count["indeterminate"], count["takeovers"]) == ("0", str(kills))
    until(lambda: all(slot["state"] == "free" for slot in server.status("slot")))


def end_adopted(pid, sig):
    """End a process that lost its parent; its status, where we are told: as the next of kin."""
    os.kill(pid, sig)
    until(lambda: is_over(pid))
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return None


def test_supervisor_killed(start, tmp_path):
    """The server goes on, alone; SIGTERM ends it with status 0, and the names are taken over."""
    server = start("--slot", f"4={tmp_path}/b", "-p", tmp_path / "pid")
    first = join(server.socket, 8, 2)
    memory, epoch = first.map(), word(first.map(), PAGE)
    os.kill(server.supervisor, signal.SIGKILL)
    assert server.process.wait(LIMIT) == -signal.SIGKILL
    server.await_line("event=warning what=supervisor-gone")
    second, third = join(server.socket, 8, 2), join(tmp_path / "b", 8, 2)
    assert [second.id, third.id] == [1, 4]
    second.close()
    server.await_line("event=disconnect slot=1")
    for _ in range(100):
        again = join(server.socket, 8, 2)
        assert again.id == 1
        again.close()
    beat = word(memory, PAGE + 4)
    until(lambda: word(memory, PAGE + 4) > beat)
    assert word(memory, PAGE) == epoch
    assert server.status("server")[0]["supervisor"] == "0"
    alone = server.serving
    os.kill(alone, signal.SIGHUP)  # there is nobody who could reload
    assert join(server.socket, 8, 2).id == 1
    status = end_adopted(alone, signal.SIGTERM)
    assert status in (None, 0)
    assert server.await_line("event=stop")
    assert word(memory, PAGE) == 0, "nobody serves"
    server.reader.join(LIMIT)
    assert first.message() is None
    assert (tmp_path / "s").exists()
    again = start("--slot", f"4={tmp_path}/b", "-p", tmp_path / "pid")
    assert join(again.socket, 8, 2).id == 0
    assert again.stop() == 0
    assert os.listdir(tmp_path) == []


def test_orphan_keeps_others_out(start, fails):
    server = start()
    client = join(server.socket, 8, 2)
    os.kill(server.supervisor, signal.SIGKILL)
    server.process.wait(LIMIT)
    server.await_line("supervisor-gone")
    status, lines = fails()
    assert status == 1
    assert len(lines) == 1
    assert f"{server.socket}: another server is running there, process" in lines[0]
    assert client.is_quiet()
    assert join(server.socket, 8, 2).id == 1


@pytest.mark.parametrize("order", ["supervisor", "server", "frozen"])
def test_both_killed(start, tmp_path, order):
    server = start("--file", tmp_path / "memory")
    client = join(server.socket, 8, 2)
    if order == "server":
        server.stop(signal.SIGKILL)
    else:
        if order == "frozen":
            os.kill(server.serving, signal.SIGSTOP)
        os.kill(server.supervisor, signal.SIGKILL)
        server.process.wait(LIMIT)
        end_adopted(server.serving, signal.SIGKILL)
    with pytest.raises((AssertionError, ConnectionResetError)):
        assert client.message() is not None
    again = start("--file", tmp_path / "memory")
    assert join(again.socket, 8, 2).id == 0
    assert again.stop() == 0
    assert os.listdir(tmp_path) == ["memory"]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whom", ["supervisor", "server", "both"])
def test_signal_to_either_ends_both(start, tmp_path, whom, sig):
    server = start("--slot", f"a={tmp_path}/b", "-p", tmp_path / "pid", "--file", tmp_path / "m")
    join(server.socket, 8, 2)
    server.kill_serving()
    serving = server.serving
    if whom != "supervisor":
        os.kill(serving, sig)
    if whom != "server":
        server.process.send_signal(sig)
    assert server.process.wait(LIMIT) == 0
    until(lambda: is_gone(serving))
    assert os.listdir(tmp_path) == []


def test_frozen_server_is_ended_by_sigterm(start, tmp_path):

    def end():
        server = start()
        os.kill(server.serving, signal.SIGSTOP)
        assert server.stop() == 0
        assert os.listdir(tmp_path) == []

    within(3, end)


def test_frozen_server_is_replaced(start):
    server = start()
    first = join(server.socket, 8, 2)
    old = server.serving
    os.kill(old, signal.SIGSTOP)
    second = RawClient(server.socket)
    second.socket.settimeout(2 * LIMIT)
    second.handshake(8, 2)
    assert f"server={old}" in server.await_line("event=hang")
    assert second.id == 1 and is_gone(old) and first.is_quiet()


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))


def test_frozen_supervisor(start):
    """The server serves whom it has, and waits in peace; the others come in later."""
    server = start("--slots", 300, "-n", 0, "--raw")
    clients = [RawClient(server.socket) for _ in range(300)]
    for client in clients:
        assert [client.message()[0] for _ in range(3)][2] == -1
    os.kill(server.supervisor, signal.SIGSTOP)
    try:
        for client in clients:
            client.close()
        server.await_line("event=disconnect", 300)
        assert server.status("count")[0]["disconnects"] == "300"
        before = cpu_ticks(server.serving)
        time.sleep(1)
        assert cpu_ticks(server.serving) - before < os.sysconf("SC_CLK_TCK") / 5
        late = RawClient(server.socket)
        assert late.is_quiet()
    finally:
        os.kill(server.supervisor, signal.SIGCONT)
    assert late.message() == (0, None)
    assert late.message() == (0, None)
    until(lambda: descriptors(server.supervisor) < 40)
    assert server.count("event=hang") == 0


def test_supervisor_frozen_for_long(start):
    """Its server was there all the time, and is not killed for it."""
    server = start()
    client = join(server.socket, 8, 2)
    os.kill(server.supervisor, signal.SIGSTOP)
    time.sleep(11)
    os.kill(server.supervisor, signal.SIGCONT)
    time.sleep(1)
    assert server.count("event=hang") == server.count("event=takeover") == 0
    assert client.is_quiet(0)


BROKEN = {
    "copy": None,
    "script": b"#!/bin/sh\nexit 1\n",
    "empty": b"",
    "nonsense": b"\x7fELF" + bytes(60),
    "removed": None,
}


@pytest.mark.parametrize("how", BROKEN)
def test_program_replaced(build, tmp_path, start, how):
    """A new program that works is used; else the running program starts again."""
    program = tmp_path / "bin" / "ivsh-server"
    program.parent.mkdir()
    shutil.copy(build / "ivsh-server", program)
    server = start(program=program)
    client = join(server.socket, 8, 2)
    if how == "removed":
        program.unlink()
    else:
        new = tmp_path / "bin" / "new"
        shutil.copy(build / "ivsh-server", new)
        if BROKEN[how] is not None:
            new.write_bytes(BROKEN[how])
        os.rename(new, program)
    serving = server.serving
    server.reload("failed" if how == "script" else "done")
    assert (server.serving == serving) == (how == "script")
    assert join(server.socket, 8, 2).id == 1
    for _ in range(3):
        within(1, server.kill_serving)
    running = os.path.samefile(f"/proc/{server.serving}/exe", f"/proc/{server.supervisor}/exe")
    assert running == (how != "copy"), "the new program where it works, ours where not"
    assert join(server.socket, 8, 2).id == 2 and client.is_quiet(0)


def test_server_that_is_killed_while_it_begins(start):
    """Again and again, at any moment of its start: no client is closed, and all ends well."""
    server = start()
    client = join(server.socket, 8, 2)
    chance = random.Random(5)
    children = f"/proc/{server.supervisor}/task/{server.supervisor}/children"
    for _ in range(5 * KILLS):
        for child in open(children).read().split():
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(chance.random() * 0.01)
    joiner = join(server.socket, 8, 2)
    assert joiner.id == 1 and client.is_quiet(0)
    assert server.process.poll() is None
    until(lambda: open(children).read().split() == [str(server.serving)])


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_without_standard_descriptors(build, tmp_path, closed):
    """None of its own descriptors becomes somebody's stderr."""
    words = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in closed)
    log = (os.POSIX_SPAWN_OPEN, 2, f"{tmp_path}/log", os.O_CREAT | os.O_WRONLY, 0o600)
    process = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", f'exec "$0" -S "$1" -v {words}', str(build / "ivsh-server"), f"{tmp_path}/s"],
        os.environ,
        file_actions=[log],
    )
    try:
        until(lambda: (tmp_path / "s").exists())
        for _ in range(3):
            assert join(tmp_path / "s", 8, 2).id >= 0
        for fd in closed:
            assert os.readlink(f"/proc/{process}/fd/{fd}") == "/dev/null"
    finally:
        os.kill(process, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert sorted(os.listdir(tmp_path)) == ["log"]


def test_nothing_leaks_into_the_server(start):
    """The server has only what it needs: no pid file, none of the supervisor's own descriptors."""
    server = start()
    kinds = {}
    for pid in (server.supervisor, server.serving):
        names = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        kinds[pid] = sorted(re.sub(r":\[\d+\]", "", name) for name in names)
    assert kinds[server.serving].count("anon_inode:[signalfd]") == 1
    assert kinds[server.serving].count("anon_inode:[timerfd]") == 1
    assert kinds[server.serving].count("anon_inode:[eventpoll]") == 3  # all, clients, control
    assert kinds[server.serving].count("socket") == 3  # link, common, control
    assert kinds[server.serving].count("anon_inode:[eventfd]") == 16


@pytest.mark.parametrize("mode", MODES)
def test_qemu_survives(start, qemu, mode):
    """QEMU's main loop answers, its slot is held, and it is counted out when it ends."""
    server = start(*MODES[mode], "--slots", 4)
    machine = qemu(server.socket)
    assert "ivsh" in machine.devices()
    for _ in range(3):
        server.kill_serving()
    other = RawClient(server.socket)
    assert [other.message()[0] for _ in range(2)] == [0, 1]
    assert "ivsh" in machine.devices()
    [slot] = [slot for slot in server.status("slot") if slot["id"] == "0"]
    assert slot["state"] == "ready" and slot["pid"] == str(machine.process.pid)
    assert machine.end() == ""
    server.await_line("event=disconnect slot=0")
