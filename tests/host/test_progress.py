# SPDX-License-Identifier: MIT
"""test_progress.py - how far put, get and tune are, on a terminal, and nowhere else."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

from peertool import DONE, FAILED, STOPPED
from rawclient import LIMIT, until

SIZE = 8 << 20
RATE = 6 << 20  # bytes a second that the reader takes
# Standard input to standard output, at that rate.
PACED = f"""
import sys, time
while piece := sys.stdin.buffer.read({RATE // 50}):
    sys.stdout.buffer.write(piece)
    time.sleep(0.02)
"""


class Terminal:
    """A program whose standard error is a terminal, in whose foreground it is."""

    def __init__(self, words, columns=80, term="xterm", **popen):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {**os.environ, "TERM": term}
        if term is None:
            del environment["TERM"]

        def foreground():
            os.setsid()
            fcntl.ioctl(2, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [str(word) for word in words], env=environment, stderr=slave,
            stdin=popen.pop("stdin", subprocess.DEVNULL),
            stdout=popen.pop("stdout", subprocess.PIPE), preexec_fn=foreground, **popen,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 4096)
            except OSError:  # nobody has the other end
                break
            if not data:
                break
            self.seen += data.decode()
        os.close(self.master)

    def end(self):
        """(exit status, what was written to the terminal)."""
        self.process.wait(LIMIT)
        if self.process.stdout:
            self.process.stdout.close()
        self.reader.join(LIMIT)
        return self.process.returncode, self.seen

    def screen(self):
        """The lines that are left, as a terminal shows them."""
        lines, column = [""], 0
        for part in re.findall(r"\r|\n|\x1b\[K|[^\r\n\x1b]+", self.seen):
            if part == "\r":
                column = 0
            elif part == "\n":
                lines.append("")
            elif part == "\x1b[K":
                lines[-1] = lines[-1][:column]
            else:
                lines[-1] = lines[-1][:column] + part + lines[-1][column + len(part) :]
                column += len(part)
        return lines


def updates(text):
    """The texts of the line, one after the other."""
    return re.findall(r"\r([^\r\x1b]+)\x1b\[K", text)


@pytest.fixture
def content(tmp_path):
    path = tmp_path / "content"
    path.write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
    return path


@pytest.fixture
def slow(peers):
    """A get in slot 0, whose output is read slowly: slow() answers what it has read in all."""

    def make():
        get = peers.start("get", "1", "-", "--timeout=30")
        got = bytearray()

        def read():
            with contextlib.suppress(ValueError):  # the test is over, and has closed it
                while piece := os.read(get.stdout.fileno(), RATE // 50):
                    got.extend(piece)
                    time.sleep(len(piece) / RATE)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return get, got, thread

    return make


def put(peers, source, *words, **keywords):
    return Terminal([peers.program, *peers.place, "put", "0", source, *words], **keywords)


# A slow machine has passed less than a MiB when the first line is due.
SHAPE = r"%s: \d+\.\d [KM]iB, \d+\.\d [KM]iB/s"


def mib(text):
    return float(text[:-4]) / (1024 if text.endswith("KiB") else 1)


@pytest.mark.parametrize("columns", [80, 30])
def test_put(peers, slow, content, columns):
    get, got, reader = slow()
    began = time.monotonic()
    terminal = put(peers, content, "--timeout=30", columns=columns)
    status, text = terminal.end()
    took = time.monotonic() - began
    assert status == DONE and get.wait(LIMIT) == DONE
    reader.join(LIMIT)
    assert got == content.read_bytes()
    lines = updates(text)
    assert len(lines) >= 2 and terminal.screen() == [""], text
    assert len(lines) <= 10 * took
    assert max(map(len, lines)) <= columns - 1
    if columns == 30:
        return
    shape = r"put: +(\d+) %, (\d+\.\d [KM]iB) of 8\.0 MiB, (\d+\.\d [KM]iB)/s(?:, (\d+) s left)?"
    found = [re.fullmatch(shape, line) for line in lines]
    assert all(found), lines
    for line in found:
        assert abs(mib(line[2]) / 8 * 100 - int(line[1])) <= 1.5
    percent = [int(line[1]) for line in found]
    assert percent == sorted(percent) and percent[-1] > percent[0]
    # At most the reader's 6, and what the buffers took at once; and as much as went through.
    assert (SIZE >> 20) / took / 3 <= mib(found[-1][3]) <= 12
    assert any(line[4] for line in found)


def test_put_of_unknown_size(peers, slow, content):
    """What comes by a pipe has no end that is known."""
    slow()
    with subprocess.Popen(["cat", content], stdout=subprocess.PIPE) as cat:
        status, text = put(peers, "-", "--timeout=30", stdin=cat.stdout).end()
    assert status == DONE
    lines = updates(text)
    assert lines and all(re.fullmatch(SHAPE % "put", line) for line in lines)


def test_get(peers, content):
    """It does not know how much comes."""
    got = content.parent / "got"
    with open(content, "rb") as file, subprocess.Popen(
        ["/usr/bin/python3", "-c", PACED], stdin=file, stdout=subprocess.PIPE
    ) as source:
        sender = peers.start("put", "1", "-", "--timeout=30", stdin=source.stdout)
        terminal = Terminal([peers.program, *peers.place, "get", "0", got, "--timeout=30"])
        status, text = terminal.end()
        assert status == DONE and sender.wait(LIMIT) == DONE
    assert got.read_bytes() == content.read_bytes()
    lines = updates(text)
    assert lines and all(re.fullmatch(SHAPE % "get", line) for line in lines)
    assert terminal.screen() == [""]


def test_another_line_replaces_it(peers, slow, content):
    """The receiver dies: nothing of the line is left beside the error's."""
    get, _, _ = slow()
    terminal = put(peers, content, "--timeout=30")
    until(lambda: updates(terminal.seen))
    get.kill()
    assert terminal.end()[0] == FAILED
    lines = terminal.screen()
    assert len(lines) == 2 and lines[1] == "" and re.fullmatch(r"ivsh: slot 0.*", lines[0]), lines
    assert "%" not in lines[0]


@pytest.mark.parametrize(
    "words, term",
    [(("--quiet",), "xterm"), ((), "dumb"), ((), None)],
    ids=["quiet", "dumb", "unset"],
)
def test_no_line(peers, slow, content, words, term):
    slow()
    assert put(peers, content, "--timeout=30", *words, term=term).end() == (DONE, "")


def test_background(peers, slow, content):
    """A terminal that another program has shows nothing; the command goes on."""
    slow()
    command = [peers.program, *peers.place, "put", "0", content, "--timeout=30"]
    script = 'set -m; "$@" & wait $!'
    terminal = Terminal(["bash", "-c", script, "bash", *command])
    status, text = terminal.end()
    assert status == DONE and "put:" not in text and not updates(text)


def test_no_terminal(peers, slow, content):
    slow()
    status, output, errors = peers.run("put", "0", content, "--timeout=30")
    assert (status, errors) == (DONE, []) and output.startswith(b"sent 8388608 bytes")


@pytest.mark.skipif(os.cpu_count() < 2, reason="tune needs two processors")
def test_tune(build):
    """Stopped, since a busy machine lets it run for a while: the line is gone."""
    terminal = Terminal([build / "ivsh", "tune"], stdout=subprocess.DEVNULL)
    until(lambda: updates(terminal.seen), 60)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end()[0] == STOPPED
    assert all(re.fullmatch(r"tune: +\d+ %: .+", line) for line in updates(terminal.seen))
    assert terminal.screen() == ["ivsh: stopped", ""]
