# SPDX-License-Identifier: MIT
"""conftest.py - servers in a folder of their own, started, listened to, and ended."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from peertool import Peers
from rawclient import RawClient

BUILD = pathlib.Path(
    os.environ.get("IVSH_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build" / "host")
)
LIMIT = 10.0  # seconds after which what was awaited counts as missing


class Server:
    """A running ivsh-server and its log."""

    def __init__(self, folder, *arguments, program="ivsh-server", prefix=(), pass_fds=()):
        self.folder = folder
        self.socket = str(folder / "s")
        self.lines = []
        self.more = threading.Condition()
        self.process = subprocess.Popen(
            [*prefix, str(BUILD / program), "-S", self.socket, "-F", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=pass_fds,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.await_line("event=ready")

    def _read(self):
        for line in self.process.stderr:
            with self.more:
                self.lines.append(line.rstrip("\n"))
                self.more.notify_all()
        with self.more:
            self.lines.append("(end)")
            self.more.notify_all()

    def await_line(self, text, count=1):
        """The (count)th log line with (text) in it, waited for."""
        end = time.monotonic() + LIMIT
        with self.more:
            while True:
                found = [line for line in self.lines if text in line]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                ended = self.lines and self.lines[-1] == "(end)"
                if left <= 0 or ended:
                    raise AssertionError(f"no {text!r} in the log: {self.lines}")
                self.more.wait(left)

    def field(self, key, event="event=ready"):
        for word in self.await_line(event).split():
            if word.startswith(key + "="):
                return word.split("=", 1)[1]
        raise AssertionError(f"no {key} in {event}")

    @property
    def keeper(self):
        """The process that was started."""
        return self.process.pid

    @property
    def serving(self):
        """The process that serves, at this moment."""
        with self.more:
            lines = [line for line in self.lines if re.search("event=(ready|takeover)", line)]
        return int(re.search(r" server=(\d+)", lines[-1]).group(1))

    def is_serving(self):
        """The process that was the last to serve is there, with or without a keeper."""
        try:
            with open(f"/proc/{self.serving}/cmdline", "rb") as file:
                return self.socket.encode() in file.read()
        except FileNotFoundError:
            return False

    def kill_serving(self):
        """End the process that serves, at once; answers when another has taken over."""
        count = self.count("event=takeover")
        os.kill(self.serving, signal.SIGKILL)
        self.await_line("event=takeover", count + 1)

    def count(self, text):
        """How many log lines have (text) in them so far."""
        with self.more:
            return sum(text in line for line in self.lines)

    def status(self, word=None):
        """What the control socket answers: {word: [its fields, ...]}, or those of one word."""
        answer, text = {}, ""
        end = time.monotonic() + LIMIT
        while not text.endswith("\nend\n"):  # a server that is replaced just then answers in part
            assert time.monotonic() < end, text
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
                control.settimeout(LIMIT)
                control.connect(self.socket + ".control")
                try:
                    control.sendall(b"status\n")
                    with control.makefile() as lines:
                        text = lines.read()
                except (ConnectionResetError, BrokenPipeError):
                    text = ""
        for line in text.splitlines():
            name, *fields = line.split()
            answer.setdefault(name, []).append(dict(field.split("=", 1) for field in fields))
        return answer if word is None else answer.get(word, [])

    def reload(self, result="done"):
        """SIGHUP; answers when the log says how that ended."""
        results = self.count("event=reload")
        takeovers = self.count("event=takeover")
        self.process.send_signal(signal.SIGHUP)
        line = self.await_line("event=reload", results + 1)
        assert f"result={result}" in line, self.lines
        if result == "done":
            self.await_line("event=takeover", takeovers + 1)

    def stop(self, sig=signal.SIGTERM):
        """Send (sig) to the keeper; SIGKILL to both, as if the machine lost its power."""
        if self.process.poll() is None:
            if sig == signal.SIGKILL:
                self.process.send_signal(signal.SIGSTOP)  # or it starts another
                os.kill(self.serving, sig)
            self.process.send_signal(sig)
        status = self.process.wait(LIMIT)
        if status == -signal.SIGKILL and self.is_serving():
            os.kill(self.serving, signal.SIGKILL)
        self.reader.join(LIMIT)
        return status


@pytest.fixture(autouse=True)
def hang_up():
    """Clients close with their test."""
    yield
    while RawClient.alive:
        RawClient.alive.pop().close()


@pytest.fixture
def build():
    """Where the programs are."""
    return BUILD


@pytest.fixture
def start(tmp_path):
    """Start servers in tmp_path: start("-n", 2, ...). All are ended with the test."""
    servers = []

    def run(*arguments, folder=tmp_path, **keywords):
        servers.append(Server(folder, *arguments, **keywords))
        return servers[-1]

    yield run
    for server in servers:
        server.stop()


@pytest.fixture
def fails(tmp_path):
    """Run a server that must not start: answers (exit status, its lines)."""

    def run(*arguments, program="ivsh-server", prefix=(), socket="s", pass_fds=()):
        done = subprocess.run(
            [*prefix, str(BUILD / program), "-F", "-S", str(tmp_path / socket)]
            + [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            pass_fds=pass_fds,
        )
        return done.returncode, done.stderr.splitlines()

    return run


@pytest.fixture
def at(build):
    """Peers at a place; at("-f", path). What still runs in the end is killed."""
    made = []

    def make(*place):
        made.append(Peers(str(build / "ivsh"), *place))
        return made[-1]

    yield make
    for peers in made:
        for process in peers.running:
            peers.kill(process)
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()


@pytest.fixture
def peers(start, at):
    server = start()
    peers = at("-S", server.socket)
    peers.server = server
    return peers
