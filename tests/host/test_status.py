# SPDX-License-Identifier: MIT
"""test_status.py - ivsh-server status and qemu-args, with a fake server and the real one."""

import json
import os
import re
import shlex
import socket
import subprocess
import time
import unicodedata
import xml.etree.ElementTree

import pytest

from controlfake import END, MEMORY, REGION, REST, SERVER, WHOLE, ControlFake
from exposition import one, samples
from rawclient import LIMIT, RawClient, until

@pytest.fixture
def ask(build):
    """Run a command of ivsh-server: (exit status, stdout, lines of stderr)."""

    def run(*arguments, environment=None):
        done = subprocess.run(
            [build / "ivsh-server", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT,
            env=environment,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode().splitlines()

    return run


@pytest.fixture
def fake(tmp_path):
    """A fake server at tmp_path/s: fake("text", ...) or fake(b"bytes"). Returns the common path."""
    made = []

    def run(*pieces, **keywords):
        pieces = [p.encode() if isinstance(p, str) else p for p in pieces]
        made.append(ControlFake(tmp_path / "s.control", pieces, **keywords))
        run.requests = made[-1].requests
        return tmp_path / "s"

    yield run
    for server in made:
        server.stop()


def whole():
    return WHOLE.replace("{pid}", str(os.getpid()))


# --- A fake server -----------------------------------------------------------------------------


def test_text(ask, fake):
    status, out, err = ask("status", "-S", fake(whole()))
    assert (status, err) == (0, [])
    assert fake.requests == [b"status\n"]
    assert "slots, up 1d02h, supervisor 10, server 11 for 1m01s after 2 takeovers" in out
    assert "/dev/shm/ivsh" in out and "/run/i,v sh.sock\n" in out
    assert "/run/alpha.sock slot 0 alpha\n" in out
    assert "5 no-free-slot" in out and "of one user" not in out
    row = next(line for line in out.splitlines() if line.split()[:2] == ["0", "alpha"])
    assert row.split()[2:9] == ["ready", str(os.getpid()), "0", "root", "2h01m", "2", "0"]
    assert "python" in row
    row = next(line for line in out.splitlines() if "handshaking" in line)
    assert row.split() == "1 - handshaking 2147483647 4294967294 - 0.9s 1 9 -".split()
    assert "a'b\"&<\\xc3\\xa9" in out, "nothing that a terminal minds"
    assert "and 1 slots that nobody has used" in out


@pytest.mark.parametrize(
    "said, shown, value",
    [("", False, None), (" filter=1", False, True), (" filter=0", True, False)],
)
def test_filter(ask, fake, said, shown, value):
    """A server without a filter of system calls reports that."""
    path = fake(whole().replace(" raw=0", f" raw=0{said}"))
    assert (", no filter\n" in ask("status", "-S", path)[1]) == shown
    assert json.loads(ask("status", "-S", path, "--json")[1])["server"].get("filter") == value


def test_json(ask, fake):
    status, out, err = ask("status", "-S", fake(whole()), "--json")
    assert (status, err) == (0, [])
    got = json.loads(out)
    keys = "control server memory region listeners limits counts refused slots waiting metrics"
    assert list(got) == keys.split()
    assert got["server"] == {
        "version": 2, "supervisor": 10, "server": 11, "uptime_ms": 93784500, "serving_ms": 61000,
        "takeovers": 2, "reloads": 1, "mode": "slots", "raw": False, "epoch": 0xBEEF,
    }  # fmt: skip
    assert got["memory"]["lost"] is False
    assert got["limits"] == {"clients": 20, "per_uid": None, "unread": 278}
    assert got["counts"]["notifications_blocked"] == 3
    assert got["refused"] == {"no-free-slot": 5}
    assert got["listeners"][0] == {"socket": "/run/i,v sh.sock", "slot": None, "name": None}
    states = [slot["state"] for slot in got["slots"]]
    assert states == ["ready", "handshaking", "free", "indeterminate"]
    assert got["slots"][0]["user"] == "root" and "python" in got["slots"][0]["command"]
    assert got["slots"][1]["command"] is None and got["slots"][1]["user"] is None
    assert got["slots"][2]["pid"] is None and got["slots"][2]["times"] == 0
    assert got["slots"][3]["name"] == "a'b\"&<é"
    assert got["waiting"][0]["state"] == "refused"
    assert got["metrics"][0] == {
        "slot": 0, "name": "al pha", "metric": "frames", "kind": "counter",
        "value": "18446744073709551615",
    }  # fmt: skip


def test_prometheus(ask, fake):
    status, out, err = ask("status", "-S", fake(whole()), "--prometheus")
    assert (status, err) == (0, [])
    found = samples(out)
    assert one(found, "ivsh_up") == 1
    assert one(found, "ivsh_uptime_seconds") == 93784.5
    assert one(found, "ivsh_memory_bytes") == 4194304
    assert one(found, "ivsh_refused_total", 'reason="no-free-slot"') == 5
    assert one(found, "ivsh_refused_total", 'reason="ids-exhausted"') == 0
    assert one(found, "ivsh_slot_connected", 'slot="0",name="alpha"') == 1
    assert one(found, "ivsh_slot_connected", 'slot="2",name=""') == 0
    assert one(found, "ivsh_slot_queued_messages", 'slot="1"') == 9
    assert one(found, "ivsh_queued_messages") == 9
    assert one(found, "ivsh_connected_clients") == 3
    assert one(found, "ivsh_slot_connections_total", 'name="a\'b\\"&<é"') == 1
    assert all('control="' in labels for _, labels in found)
    assert one(found, "ivsh_guest_frames_total", 'peer="0",name="al pha"') == 2.0**64
    assert one(found, "ivsh_guest_frames", 'peer="1",name=""') == -(2.0**63)


@pytest.mark.parametrize(
    "wrong",
    [
        *("metric=Frames kind=gauge value=1", "metric=%20x kind=gauge value=1"),
        *("metric=x%0Ay kind=gauge value=1", "metric=1x kind=gauge value=1"),
        *("metric=x%22 kind=gauge value=1", "metric=_x kind=gauge value=1"),
        *("metric=x kind=histogram value=1", "metric=x kind=counter value=-1"),
        *("metric=x kind=counter value=18446744073709551616", "metric=x kind=gauge value=-"),
        *("metric=x kind=gauge value=1%0A2", "metric=x kind=gauge value=9223372036854775808"),
    ],
)
def test_prometheus_leaves_out_what_no_server_sends(ask, fake, wrong):
    """A server checks what guests declare. Who else listens there cannot spoil the text."""
    status, out, err = ask(
        "status", "-S", fake(whole().replace(END, f"metric slot=3 {wrong}\n{END}")), "--prometheus"
    )
    assert (status, err) == (0, [])
    assert not [labels for _, labels in samples(out) if 'peer="3"' in labels]


def test_only_what_is_needed(ask, fake):
    path = fake(SERVER + MEMORY + REGION + END)
    for form in ((), ("--json",), ("--prometheus",)):
        status, out, err = ask("status", "-S", path, *form)
        assert (status, err) == (0, [])
    samples(out)


def test_command_lines_cannot_steer_the_terminal(ask, fake):
    evil = subprocess.Popen(
        ["/bin/sh", "-c", "read x", "\x1b[2J\n", "b" * 9000], stdin=subprocess.PIPE
    )
    try:
        path = fake(WHOLE.replace("{pid}", str(evil.pid)))
        _, out, _ = ask("status", "-S", path)
        assert "\x1b" not in out and "\\x1b[2J\\x0a" in out
        assert max(map(len, out.splitlines())) < 250
        _, out, _ = ask("status", "-S", path, "--json")
        assert 4000 < len(json.loads(out)["slots"][0]["command"]) < 4096
    finally:
        evil.communicate()


HOSTILE = {
    "nothing": [""],
    "no line": ["server version=1"],
    "cut in a line": [whole()[:200]],
    "cut between lines": [SERVER + MEMORY + REGION + REST],
    "no needed line": [SERVER + REGION + END],
    "something else": ["HTTP/1.1 400 Bad Request\r\n\r\n"],
    "refusal": ["error what=unknown-request\n"],
    "another version": [whole().replace("version=2", "version=3")],
    "NUL": [SERVER.encode() + b"\0" + END.encode()],
    "noise": [bytes(range(256)) * 1000],
    "escape": [SERVER.replace("mode=slots", "mode=\x1b[2J") + MEMORY + REGION + END],
    "raw protocol": [b"\0" * 8 + b"\x05" + b"\0" * 7],
    "a long line": [SERVER, b"x" * (1 << 20), "\n" + END],
    "oversized": [SERVER, *[b"slot id=1 state=free\n" * 50000] * 17],
    "too many slots": [SERVER + MEMORY + REGION + "slot id=1 state=free\n" * 140000 + END],
}


@pytest.mark.parametrize("pieces", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answers(ask, fake, pieces):
    """Any wrong answer: one line and no stdout; for Prometheus, that the server is down."""
    path = fake(*pieces)
    for form in ((), ("--json",)):
        status, out, err = ask("status", "-S", path, *form)
        assert (status, out) == (1, "")
        assert len(err) == 1 and err[0].startswith(f"ivsh-server: {path}.control: ")
        assert err[0].isprintable()
    assert ask("qemu-args", "-S", path, "0")[:2] == (1, "")
    status, out, err = ask("status", "-S", path, "--prometheus")
    assert (status, len(err)) == (0, 1)
    assert one(samples(out), "ivsh_up") == 0


@pytest.mark.parametrize("form", ["silent", "slow", "endless"])
def test_slow_answers(ask, fake, form):
    if form == "silent":
        path = fake(holds=True)
    elif form == "slow":
        path = fake(*[c.encode() for c in WHOLE[:100]], pause=0.1)
    else:
        path = fake(whole(), holds=True)
    start = time.monotonic()
    status, out, err = ask("status", "-S", path)
    assert (status, out) == (1, "")
    assert err == [
        f"ivsh-server: {path}.control: no answer within 2 seconds: is the server stopped?"
    ]
    assert time.monotonic() - start > 1.9


def test_in_small_pieces(ask, fake):
    text = whole().encode()
    path = fake(*[text[i : i + 7] for i in range(0, len(text), 7)], pause=0.001)
    # It has two seconds for all of them, and we may get no processor for that long.
    until(lambda: ask("status", "-S", path)[0] == 0)


def test_nobody_there(ask, tmp_path):
    path = tmp_path / "s"
    for made, what in ((False, "no such socket"), (True, "nobody listens")):
        if made:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
                left.bind(f"{path}.control")
        for command in (("status",), ("qemu-args", "0")):
            status, out, err = ask(*command, "-S", path)
            assert (status, out, len(err)) == (1, "", 1)
            assert what in err[0] and "start" in err[0]
    status, out, err = ask("status", "-S", path, "--prometheus")
    assert (status, len(err)) == (0, 1)
    assert one(samples(out), "ivsh_up") == 0


def test_places(ask, fake, tmp_path):
    path = fake(SERVER + MEMORY + REGION + END)
    config = tmp_path / "conf"
    for text in (f"# socket = /nowhere\n socket={path} \n", f"size = 4M\ncontrol = {path}.control"):
        config.write_text(text)
        assert ask("status", "-c", config)[0] == 0
    assert ask("status", "--control", f"{path}.control")[0] == 0
    config.write_text("control = none\n")
    status, _, err = ask("status", "--config", config)
    assert status == 1 and len(err) == 1 and "control = none" in err[0]
    config.write_text("socket = " + "x" * 5000 + "\n")
    assert ask("status", "--config", config)[0] == 1
    config.write_bytes(os.urandom(100000))
    assert ask("status", "--config", config)[0] == 1
    status, _, err = ask("status", "-S", "x" * 200)
    assert status == 1 and "at most 107" in err[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "x"),
        ("status", "-x"),
        ("status", "-S"),
        ("status", "--json", "--prometheus"),
        ("status", "--control", "none"),
        ("qemu-args", "a", "b"),
        ("qemu-args", "--json", "a"),
    ],
)
def test_usage(ask, arguments):
    status, out, err = ask(*arguments)
    assert (status, out, len(err)) == (2, "", 1)
    assert err[0].startswith("ivsh-server: ")


def test_help(ask):
    for command in ("status", "qemu-args"):
        for flag in ("-h", "--help"):
            status, out, err = ask(command, flag)
            assert (status, err) == (0, [])
            assert out.startswith(f"Usage: ivsh-server {command} ")


def test_full_stdout(build, fake):
    path = fake(SERVER + MEMORY + REGION + END)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [build / "ivsh-server", "status", "-S", path],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
        )
    assert done.returncode == 1
    assert done.stderr == b"ivsh-server: stdout: No space left on device\n"


# --- Lines for QEMU and libvirt ----------------------------------------------------------------


def test_qemu_line(ask, fake):
    path = fake(whole())
    bound = "-chardev socket,id=ivsh,path=/run/alpha.sock"
    device = "-device ivshmem-doorbell,chardev=ivsh,vectors=2\n"
    for slot in ("0", "alpha"):
        assert ask("qemu-args", "-S", path, slot) == (0, f"{bound} {device}", [])
    status, out, err = ask("qemu-args", "-S", path, "1")
    assert (status, len(err)) == (0, 1)
    assert "lowest free slot" in err[0]
    assert out == f"-chardev 'socket,id=ivsh,path=/run/i,,v sh.sock' {device}"
    assert ask("qemu-args", "-S", path)[1] == out
    words = shlex.split(ask("qemu-args", "-S", path, "3")[1])
    assert words[1] == "socket,id=ivsh,path=/run/it's&co"
    for slot in ("4", "99999999999999999999", "beta", "", "-1"):
        status, out, err = ask("qemu-args", "-S", path, "--", slot)
        assert (status, out, len(err)) == (1, "", 1)


def test_qemu_plain_line(ask, fake):
    status, out, err = ask("qemu-args", "--plain", "-S", fake(whole()), "1")
    assert status == 0
    assert out == (
        "-object memory-backend-file,id=ivsh,share=on,mem-path=/dev/shm/ivsh,size=4194304"
        " -device ivshmem-plain,memdev=ivsh\n"
    )
    assert any("--slot=1" in line for line in err) and any("not bound" in line for line in err)


def test_no_vectors(ask, fake):
    path = fake(whole().replace("vectors=2", "vectors=0"))
    for form in ((), ("--libvirt",)):
        status, out, err = ask("qemu-args", "-S", path, "0", *form)
        assert (status, out, len(err)) == (1, "", 1)
        assert "0 vectors" in err[0] and "--plain" in err[0]
    assert ask("qemu-args", "-S", path, "0", "--plain")[0] == 0


def test_classic_has_no_slots(ask, fake):
    path = fake(whole().replace("mode=slots", "mode=classic"))
    status, out, err = ask("qemu-args", "-S", path, "0")
    assert (status, out, len(err)) == (1, "", 1)
    status, out, err = ask("qemu-args", "-S", path)
    assert (status, err) == (0, []) and "vectors=2" in out


def test_libvirt(ask, fake):
    path = fake(whole())
    status, out, err = ask("qemu-args", "--libvirt", "-S", path, "3")
    assert (status, len(err)) == (0, 1) and "--slot 3=/var/lib/libvirt/shmem-3-sock" in err[0]
    shmem = xml.etree.ElementTree.fromstring(out)
    assert (shmem.tag, shmem.get("name")) == ("shmem", "3")
    assert shmem.find("model").get("type") == "ivshmem-doorbell"
    assert shmem.find("server").get("path") == "/run/it's&co"
    assert shmem.find("msi").attrib == {"vectors": "2", "ioeventfd": "on"}
    assert shmem.find("size") is None, "libvirt refuses one beside a server"
    _, out, _ = ask("qemu-args", "--libvirt", "-S", path, "a'b\"&<é")
    assert xml.etree.ElementTree.fromstring(out).get("name") == "a'b\"&<é"
    status, out, _ = ask("qemu-args", "--libvirt", "--plain", "-S", path, "1")
    shmem = xml.etree.ElementTree.fromstring(out)
    assert status == 0 and shmem.attrib == {"name": "ivsh", "role": "peer"}
    assert shmem.find("model").get("type") == "ivshmem-plain" and shmem.find("server") is None


def test_libvirt_s_own_path(ask, fake):
    """libvirt's AppArmor profile allows this path: there is no note."""
    path = fake(whole().replace("/run/alpha.sock", "/var/lib/libvirt/shmem-alpha-sock"))
    assert ask("qemu-args", "--libvirt", "-S", path, "alpha")[::2] == (0, [])


# Characters that steer a terminal: controls, also of 8 bits, and those that reverse or hide text
MARKS = ["\x1b[2J", "\n", "\x7f", "\x85", "\x9b2J", "\u202e", "\u2066", "\u200f", "\u061c"]
MARKS += ["\u2028", "\u2029", "\u200b", "\ufeff", "\xad", "\U000e0041"]


def percent(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


def is_showable(text):
    return all(unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp") for c in text)


@pytest.mark.parametrize("mark", MARKS, ids=[mark.encode("unicode_escape") for mark in MARKS])
def test_marks(ask, fake, mark):
    """No format lets one through; JSON has them escaped."""
    answer = whole()
    for word in ("name=alpha", "socket=/run/alpha.sock", "path=/dev/shm/ivsh"):
        assert word in answer
        answer = answer.replace(word, word + percent(mark) + "x")
    path = fake(answer)
    for form in ((), ("--json",), ("--prometheus",)):
        status, out, err = ask("status", "-S", path, *form)
        assert status == 0 and err == []
        assert all(is_showable(line) for line in out.split("\n"))
        if form == ("--json",):
            got = json.loads(out)
            assert got["listeners"][1]["socket"] == f"/run/alpha.sock{mark}x"
            assert got["slots"][0]["name"] == f"alpha{mark}x"
            assert got["memory"]["path"] == f"/dev/shm/ivsh{mark}x"


@pytest.mark.parametrize("mark", [*MARKS, b"\x9b2J", b"\xff"], ids=repr)
def test_marks_are_not_for_copying(ask, fake, mark):
    """The user would copy them to a shell or libvirt: the command prints an error instead."""
    raw = mark if isinstance(mark, bytes) else mark.encode()
    text = "".join(f"%{byte:02X}" for byte in raw)
    answer = whole()
    for word in ("socket=/run/alpha.sock", "path=/dev/shm/ivsh"):
        answer = answer.replace(word, word + text + "x")
    path = fake(answer)
    for form in ((), ("--plain",), ("--libvirt",), ("--libvirt", "--plain")):
        status, out, err = ask("qemu-args", "-S", path, *form, "alpha")
        assert (status, out, len(err)) == (1, "", 1), form
        assert err[0].isascii() and err[0].isprintable() and "copying" in err[0]
    assert ask("qemu-args", "-S", path, "1")[0] == 0, "of its own it has none"


@pytest.mark.parametrize("memory", ["/proc/10/fd/5", "/dev/shm/a/b", "/var/lib/ivsh"])
def test_libvirt_plain_needs_an_object(ask, fake, memory):
    path = fake(whole().replace("/dev/shm/ivsh", memory))
    status, out, err = ask("qemu-args", "--libvirt", "--plain", "-S", path, "0")
    assert (status, out, len(err)) == (1, "", 1)
    assert memory in err[0] and "--shm" in err[0]


# --- The real server ---------------------------------------------------------------------------


def real(ask, server):
    status, out, err = ask("status", "-S", server.socket, "--json")
    assert (status, err) == (0, [])
    return json.loads(out)


def test_who_is_there(start, ask, tmp_path):
    server = start("--slots", 3, "--slot", f"alpha={tmp_path}/alpha", "-l", "1M")
    client = RawClient(tmp_path / "alpha")
    client.handshake(3, 2)
    other = RawClient(server.socket)
    other.handshake(3, 2)
    until(lambda: real(ask, server)["slots"][1]["state"] == "ready")
    got = real(ask, server)
    assert got["server"]["supervisor"] == server.process.pid
    assert got["server"]["mode"] == "slots" and got["region"] == {"slots": 3, "vectors": 2}
    assert got["memory"]["kind"] == "memfd" and got["memory"]["size"] == 1 << 20
    assert os.stat(got["memory"]["path"]).st_size == 1 << 20
    assert [(slot["name"], slot["state"]) for slot in got["slots"]] == [
        ("alpha", "ready"),
        (None, "ready"),
        (None, "free"),
    ]
    assert got["slots"][0]["pid"] == os.getpid() and got["slots"][0]["uid"] == os.getuid()
    assert "python" in got["slots"][0]["command"]
    client.close()
    server.await_line("event=disconnect")
    got = real(ask, server)
    assert got["slots"][0]["state"] == "free" and got["slots"][0]["times"] == 1
    assert (got["counts"]["connects"], got["counts"]["disconnects"]) == (2, 1)


def test_refusals_are_counted(start, ask):
    server = start("--slots", 2)
    held = [RawClient(server.socket) for _ in range(2)]
    for client in held:
        client.handshake(2, 2)
    assert RawClient(server.socket).message()[0] == 1
    until(lambda: real(ask, server)["refused"] == {"no-free-slot": 1})
    status, out, _ = ask("status", "-S", server.socket, "--prometheus")
    found = samples(out)
    assert status == 0
    assert one(found, "ivsh_refused_total", 'reason="no-free-slot"') == 1
    assert one(found, "ivsh_connected_clients") == 2


def test_classic(start, ask):
    server = start("--classic", "--slots", 4)
    first, second = RawClient(server.socket), RawClient(server.socket)
    first.message(), second.message()
    first.close()
    server.await_line("event=disconnect")
    until(lambda: len(real(ask, server)["slots"]) == 1)
    got = real(ask, server)
    assert got["server"]["mode"] == "classic"
    assert [slot["id"] for slot in got["slots"]] == [1]


def test_control_socket_is_private(start, ask):
    server = start()
    assert os.stat(server.socket + ".control").st_mode & 0o777 == 0o600
    assert server.stop() == 0
    assert not os.path.exists(server.socket + ".control")


def test_no_control_socket(start, ask):
    server = start("--control", "none")
    status, _, err = ask("status", "-S", server.socket)
    assert status == 1 and len(err) == 1


def test_many_slots(start, ask):
    server = start("--raw", "--slots", 1000, "-n", 1, "--client-descriptors", 2000)
    assert len(real(ask, server)["slots"]) == 1000
    assert "and 1000 slots that nobody has used" in ask("status", "-S", server.socket)[1]


class Machine:
    """QEMU with options as qemu-args printed them; devices() asks it over QMP."""

    def __init__(self, folder, line):
        self.control = folder / "qmp"
        command = "qemu-system-x86_64 -S -M q35 -accel tcg -nodefaults -display none -m 32M "
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command} -qmp unix:{self.control},server=on,wait=off {line}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def devices(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(LIMIT)
            until(lambda: control.connect_ex(str(self.control)) == 0)
            with control.makefile("rw") as file:
                json.loads(file.readline())
                for command in ("qmp_capabilities", "query-pci"):
                    file.write(json.dumps({"execute": command}) + "\n")
                    file.flush()
                    answer = json.loads(file.readline())
        devices = [device["id"] for bus in answer["return"] for device in bus["devices"]]
        return [{"vendor": device["vendor"], "device": device["device"]} for device in devices]

    def end(self):
        self.process.kill()
        return self.process.communicate(timeout=LIMIT)[1]


@pytest.mark.parametrize("form", ["bound", "common", "plain"])
def test_qemu_accepts_the_line(start, ask, tmp_path, form):
    """Through a shell, QEMU gets each word: paths with a comma, a blank and a quote."""
    folder = tmp_path / "it's a, path"
    folder.mkdir()
    server = start("--slot", f"alpha={folder}/alpha", "-S", f"{folder}/common", "-n", 3)
    words = {"bound": ["alpha"], "common": ["1"], "plain": ["alpha", "--plain"]}[form]
    status, line, _ = ask("qemu-args", "-S", f"{folder}/common", *words)
    assert status == 0 and line.count("\n") == 1
    machine = Machine(tmp_path, line.strip())
    try:
        devices = machine.devices()
        assert {"vendor": 0x1AF4, "device": 0x1110} in devices
        if form != "plain":
            slot = 0 if form == "bound" else 1
            server.await_line(f"event=connect slot={slot}")
    finally:
        assert machine.end() == ""
