# SPDX-License-Identifier: MIT
"""qmp.py - a connection to QEMU's machine protocol: commands, and events that are waited for.

QEMU is started with the words of qmp_words(path). Every wait has a deadline. What fails raises a
QmpError that names the socket, the command or event, and QEMU's own text.

    with Qmp(path) as qmp:
        qmp.command("device_del", id="mem")
        qmp.event("DEVICE_DELETED", device="mem")
        qmp.migrate(f"exec:cat>{file}")
"""

import json
import os
import socket
import time

LIMIT = 30.0  # seconds after which an answer or an event counts as missing

ENDED = ("completed", "failed", "cancelled")  # states in which a migration stays


class QmpError(AssertionError):
    """A command that failed, or an answer or event that did not come."""


class QmpClosed(QmpError):
    """QEMU has closed the connection: it has ended."""


def qmp_words(path):
    """QEMU's words for a QMP socket at (path), which may be at most 107 bytes long."""
    return ["-qmp", f"unix:{path},server=on,wait=off"]


class Qmp:
    """
    One connection. connected: QEMU has answered. events: those that came and that no event() has
    taken yet, oldest first, as QEMU wrote them.
    """

    def __init__(self, path, seconds=LIMIT, connect=True):
        self.path, self.events, self.buffer = str(path), [], b""
        self.socket, self.id = None, 0
        if connect:
            self.connect(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def connect(self, seconds=LIMIT):
        """Connect as soon as QEMU listens, and end the negotiation."""
        end = time.monotonic() + seconds
        while True:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.socket.connect(self.path)
                break
            except (FileNotFoundError, ConnectionRefusedError) as error:
                self.close()
                if time.monotonic() >= end:
                    self.fail(f"QEMU does not listen after {seconds:.1f} s: {error}")
                time.sleep(0.005)  # a socket that appears has no event to wait for
            except OSError as error:
                self.close()
                self.fail(str(error))
        first = self._read(end, "QEMU's first line")
        if "QMP" not in first:
            self.fail(f"not QEMU's first line: {first}")
        self.command("qmp_capabilities", seconds=max(end - time.monotonic(), 1.0))

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def fail(self, what):
        raise QmpError(f"qmp {self.path}: {what}")

    def command(self, name, seconds=LIMIT, **arguments):
        """
        Execute a command; what QEMU returns. A key with a dash: **{"max-bandwidth": 1 << 30}.
        """
        answer = self._execute(name, arguments, seconds)
        if "error" in answer:
            self.fail(f"{name} {arguments}: {answer['error'].get('desc', answer['error'])}")
        return answer["return"]

    def refusal(self, name, seconds=LIMIT, **arguments):
        """Execute a command that QEMU must refuse; the text in which it says why."""
        answer = self._execute(name, arguments, seconds)
        if "error" not in answer:
            self.fail(f"{name} {arguments}: not refused, but answered {answer['return']}")
        return answer["error"]["desc"]

    def monitor(self, line, seconds=LIMIT):
        """
        A line for the human monitor (savevm, loadvm, info ...); what that prints. An error there
        is a line that begins with "Error".
        """
        text = self.command("human-monitor-command", seconds, **{"command-line": line})
        if text.startswith("Error"):
            self.fail(f"{line}: {text.strip()}")
        return text

    def event(self, name, seconds=LIMIT, **data):
        """Wait for an event with these data, and take it; its data. Others stay in events."""
        end, at = time.monotonic() + seconds, 0
        while True:
            for event in self.events[at:]:
                found = event.get("data", {})
                if event["event"] == name and all(found.get(k) == v for k, v in data.items()):
                    self.events.remove(event)
                    return found
            at = len(self.events)
            what = f"the event {name} {data or ''}".strip()
            self._take(self._read(end, what))

    def forget(self):
        """Drop the events that have come, so that event() finds only what happens from now on."""
        self.command("query-status")  # events that QEMU has written already are before its answer
        self.events.clear()

    def until(self, command, condition, what, seconds=LIMIT):
        """Repeat a query until (condition) of its answer holds; that answer."""
        end = time.monotonic() + seconds
        while True:
            answer = self.command(command)
            if condition(answer):
                return answer
            if time.monotonic() >= end:
                self.fail(f"timeout: {what}: not in {seconds:.1f} s: {command} answers {answer}")
            time.sleep(0.005)

    def migrate(self, uri, seconds=LIMIT, want="completed"):
        """Migrate to (uri), as fast as it goes, and wait for the end, which must be (want)."""
        self.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.command("migrate", uri=str(uri))
        return self.migrated(seconds, want)

    def migrated(self, seconds=LIMIT, want="completed"):
        """
        Wait for the end of a migration, on either side; query-migrate's last answer. The guest of
        the destination runs once query-status says so: running().
        """
        answer = self.until(
            "query-migrate", lambda a: a.get("status") in ENDED, "the migration's end", seconds
        )
        if answer["status"] != want:
            self.fail(f"the migration {answer['status']}: {answer.get('error-desc', answer)}")
        return answer

    def running(self, seconds=LIMIT):
        """Wait until the guest runs, as after -incoming."""
        self.until("query-status", lambda a: a["status"] == "running", "the guest runs", seconds)

    def quit(self):
        """End QEMU, and wait until it has closed the connection."""
        end = time.monotonic() + LIMIT
        self._send({"execute": "quit"})
        try:
            while True:
                self._take(self._read(end, "the end of QEMU"))
        except QmpClosed:
            self.close()

    def _execute(self, name, arguments, seconds):
        """The answer; one to an earlier command that came too late is passed over."""
        end = time.monotonic() + seconds
        self.id += 1
        request = {"execute": name, "id": self.id}
        if arguments:
            request["arguments"] = arguments
        self._send(request)
        while True:
            answer = self._read(end, f"the answer to {name} {arguments or ''}".strip())
            if not self._take(answer) and answer.get("id", self.id) == self.id:
                return answer

    def _take(self, answer):
        """Keep an event for event(). False: it is none."""
        if "event" in answer:
            self.events.append(answer)
        return "event" in answer

    def _send(self, request):
        if self.socket is None:
            self.fail("not connected")
        try:
            self.socket.sendall(json.dumps(request, default=os.fspath).encode() + b"\n")
        except OSError as error:
            raise QmpClosed(f"qmp {self.path}: QEMU is gone: {error}") from error

    def _read(self, end, what):
        """The next line of QEMU."""
        if self.socket is None:
            self.fail("not connected")
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0:
                self.fail(f"timeout: {what} did not come; other events: {self.events}")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                raise QmpClosed(f"qmp {self.path}: QEMU closed the connection before {what}")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)
