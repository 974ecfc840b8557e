# SPDX-License-Identifier: MIT
"""test_files.py - the files that the server makes, removes, and does not touch."""

import os
import shutil
import signal
import socket
import subprocess

import pytest

from rawclient import LIMIT, RawClient


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly(start, tmp_path, sig):
    bound, pid_file, memory = tmp_path / "b", tmp_path / "pid", tmp_path / "memory"
    server = start("--slot", f"a={bound}", "-p", pid_file, "--file", memory)
    client = RawClient(server.socket)
    client.handshake(8, 2)
    assert int(pid_file.read_text()) == server.process.pid
    assert server.stop(sig) == 0
    assert os.listdir(tmp_path) == []


def test_pid_file_is_replaced(start, tmp_path):
    """A reader finds a whole number at any time: the old one, or ours."""
    pid_file, kept = tmp_path / "pid", tmp_path / "kept"
    pid_file.write_text("4711\n")
    os.link(pid_file, kept)
    server = start("-p", pid_file)
    assert (kept.read_text(), pid_file.read_text()) == ("4711\n", f"{server.process.pid}\n")
    assert server.stop() == 0
    assert os.listdir(tmp_path) == ["kept"]


def test_pipe_as_a_pid_file_stays(start, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    server = start("-p", pipe)
    assert os.read(reader, 100) == f"{server.process.pid}\n".encode()
    os.close(reader)
    assert server.stop() == 0
    assert os.listdir(tmp_path) == ["pipe"]


def test_what_was_there_stays(start, tmp_path):
    memory = tmp_path / "memory"
    memory.write_bytes(b"")
    memory.chmod(0o600)
    server = start("--file", memory)
    assert server.stop() == 0
    assert os.listdir(tmp_path) == ["memory"]


def test_second_server(start, fails, tmp_path):
    """A second server prints that, and changes neither the first one nor its memory."""
    memory = tmp_path / "memory"
    server = start("--file", memory)
    first = RawClient(server.socket)
    first.handshake(8, 2)
    first.map()[3 << 20] = 9
    before = sorted(os.listdir(tmp_path))
    status, lines = fails("--file", memory, "--raw")
    assert status == 1
    assert len(lines) == 1
    process = server.supervisor
    assert f"{server.socket}: another server is running there, process {process}" in lines[0]
    assert sorted(os.listdir(tmp_path)) == before
    assert first.map()[3 << 20] == 9
    second = RawClient(server.socket)
    second.handshake(8, 2)
    assert second.id == 1


def test_second_server_with_a_bound_socket_of_the_first(start, fails, tmp_path):
    server = start("--slot", f"a={tmp_path}/b")
    status, lines = fails(socket="b")
    assert status == 1 and "another server" in lines[0]
    assert RawClient(tmp_path / "b").message() == (0, None)
    assert server.process.poll() is None


def test_another_program_s_socket(fails, tmp_path):
    """A process without our lock listens: the server does not touch it, nor connect to it."""
    other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    other.bind(str(tmp_path / "s"))
    other.listen()
    other.settimeout(0.05)
    status, lines = fails("--file", tmp_path / "memory")
    assert status == 1
    assert lines == [f"ivsh-server: {tmp_path}/s: bind: Address already in use"]
    with pytest.raises(TimeoutError):
        other.accept()
    assert os.listdir(tmp_path) == ["s"]


def test_stale_socket_is_replaced(start, tmp_path):
    server = start()
    server.stop(signal.SIGKILL)
    assert sorted(os.listdir(tmp_path)) == ["s", "s.control", "s.control.lock", "s.lock"]
    again = start()
    client = RawClient(again.socket)
    client.handshake(8, 2)
    assert again.stop() == 0
    assert os.listdir(tmp_path) == []


def test_longest_paths(build, tmp_path):
    """A socket's address has at most 107 bytes; both ways of binding leave no file behind."""
    for length in (103, 104, 107):
        path = tmp_path / ("s" * (length - len(str(tmp_path)) - 1))
        process = subprocess.Popen([build / "ivsh-server", "-S", path], stderr=subprocess.PIPE)
        try:
            assert b"event=ready" in process.stderr.readline()
            assert sorted(os.listdir(tmp_path)) == [path.name, path.name + ".lock"]
            assert RawClient(path).message() == (0, None)
        finally:
            process.terminate()
            process.communicate(timeout=LIMIT)
        assert process.returncode == 0
        assert os.listdir(tmp_path) == []


def test_no_socket_where_the_socket_should_be(fails, tmp_path):
    (tmp_path / "s").write_text("precious")
    status, lines = fails()
    assert status == 1 and "is not a socket" in lines[0]
    assert (tmp_path / "s").read_text() == "precious"
    assert os.listdir(tmp_path) == ["s"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--file", "none/memory"),
        ("-m", "none"),
        ("-M", "a/b"),
        ("-S", "none/s"),
        ("-p", "none/pid"),
        ("--slot", "a=none/b"),
    ],
)
def test_failure_leaves_nothing(fails, tmp_path, arguments):
    arguments = [text.replace("none", f"{tmp_path}/none") for text in arguments]
    status, lines = fails(*arguments)
    assert status == 1
    assert len(lines) == 1 and lines[0].startswith("ivsh-server: ")
    assert os.listdir(tmp_path) == []


def test_file_system_is_full(build, tmp_path):
    """A tmpfs of 1 MiB: one line, exit status 1, no file left behind."""
    folder = tmp_path / "small"
    folder.mkdir()
    script = f'mount -t tmpfs -o size=1M none {folder} && "$@"; echo $?; ls -A {folder}'
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    assert shutil.which("unshare")
    for option in (("--file", folder / "memory"), ("-m", folder)):
        command = [*unshare, "sh", "-c", script, "sh"]
        command += [build / "ivsh-server", "-S", tmp_path / "s", *option]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
        if "Operation not permitted" in done.stderr:
            pytest.skip("this machine lets nobody mount a tmpfs of one's own")
        assert done.stdout == "1\n", done.stderr
        assert "cannot allocate 4194304 bytes: No space left on device" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [("--slot=0", "recv", "--timeout=1"), ("ls",)])
def test_tool_on_a_file_system_that_is_full(build, tmp_path, command):
    """A file of 4M without pages, and no room for one: the error says that, not a truncation."""
    folder = tmp_path / "small"
    folder.mkdir()
    script = f"mount -t tmpfs -o size=1M none {folder} && truncate -s 4M {folder}/memory &&"
    script += f' ! head -c 2M /dev/zero 2>&1 >{folder}/full | grep -v "No space"; "$@"; echo $?'
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    words = [*unshare, "sh", "-c", script, "sh", build / "ivsh", "-f", folder / "memory", *command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT)
    if "Operation not permitted" in done.stderr:
        pytest.skip("this machine lets nobody mount a tmpfs of one's own")
    assert done.stdout.endswith("1\n"), done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("ivsh: ")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"ivsh: {folder}/memory: no space is left for a page of it: ")


def test_isolated(start):
    """seccomp is on, and the process cannot get privileges again."""
    server = start()
    with open(f"/proc/{server.serving}/status") as status:
        fields = {line.split(":")[0]: line.split(":")[1].strip() for line in status if ":" in line}
    assert fields["Seccomp"] == "2"
    assert fields["NoNewPrivs"] == "1"
    assert "event=isolate" not in "".join(server.lines)
