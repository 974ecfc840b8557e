# SPDX-License-Identifier: MIT
"""servertool.py - a server in a folder of its own: ours, or one with the options of QEMU's."""

import contextlib
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import threading
import time

from rawclient import LIMIT, is_over, until

BUILD = pathlib.Path(
    os.environ.get("IVSH_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build" / "host")
)


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
        """Wait for the (count)th log line with (text) in it, and return it."""
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
    def pids(self):
        """Those of the supervisor and of the process that serves."""
        return sorted({self.supervisor, self.serving})

    @property
    def supervisor(self):
        """The process that was started."""
        return self.process.pid

    @property
    def serving(self):
        """The process that serves, at this moment."""
        with self.more:
            lines = [line for line in self.lines if re.search("event=(ready|takeover)", line)]
        return int(re.search(r" server=(\d+)", lines[-1]).group(1))

    def is_serving(self):
        """The last process that served is running, with or without a supervisor."""
        try:
            with open(f"/proc/{self.serving}/cmdline", "rb") as file:
                return self.socket.encode() in file.read()
        except FileNotFoundError:
            return False

    def kill_serving(self):
        """Kill the process that serves; returns when another has taken over."""
        count = self.count("event=takeover")
        os.kill(self.serving, signal.SIGKILL)
        self.await_line("event=takeover", count + 1)

    def count(self, text):
        """How many log lines have (text) in them so far."""
        with self.more:
            return sum(text in line for line in self.lines)

    def status(self, word=None):
        """The control socket's answer: {word: [its fields, ...]}, or the fields of one word."""
        answer, text = {}, ""
        end = time.monotonic() + LIMIT
        while not text.endswith("\nend\n"):  # a server that is replaced answers in part
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
        """Send SIGHUP; returns when the log has the result."""
        results = self.count("event=reload")
        takeovers = self.count("event=takeover")
        self.process.send_signal(signal.SIGHUP)
        line = self.await_line("event=reload", results + 1)
        assert f"result={result}" in line, self.lines
        if result == "done":
            self.await_line("event=takeover", takeovers + 1)

    def stop(self, sig=signal.SIGTERM):
        """Send (sig) to the supervisor; SIGKILL to both, as if the machine lost its power."""
        if self.process.poll() is None:
            if sig == signal.SIGKILL:
                self.process.send_signal(signal.SIGSTOP)  # else it starts another server
                with contextlib.suppress(ProcessLookupError):  # it ended just before
                    os.kill(self.serving, sig)
            self.process.send_signal(sig)
        status = self.process.wait(LIMIT)
        if status == -signal.SIGKILL and self.is_serving():
            os.kill(self.serving, signal.SIGKILL)
        self.reader.join(LIMIT)
        # A killed process holds its locks until it has ended, a moment later.
        if status == -signal.SIGKILL:
            until(lambda: is_over(self.serving))
        assert not self.count("event=bug"), self.lines
        return status


class Other:
    """A server with the options of QEMU's, at (program): its log says nothing."""

    def __init__(self, program, folder, vectors):
        self.socket = str(folder / "other")
        limit = 1024  # it uses select(2)
        self.process = subprocess.Popen(
            [program, "-F", "-S", self.socket, "-m", str(folder), "-l", "1M", "-n", str(vectors)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
        )
        self.pids = [self.process.pid]
        try:
            until(lambda: os.path.exists(self.socket))
        except BaseException:
            self.stop()
            raise

    def count(self, text):
        return 0

    def stop(self):
        self.process.terminate()
        self.process.wait()
