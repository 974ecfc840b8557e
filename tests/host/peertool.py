# SPDX-License-Identifier: MIT
"""peertool.py - ivsh, the host tool, as tests run it."""

import re
import subprocess

from rawclient import LIMIT, until

# firmware/app/status.h; ivsh(1), EXIT STATUS.
DONE, FAILED, USAGE, NO_DEVICE, NO_PEER, TIMEOUT, STOPPED, NO_FILES = range(8)

COLUMNS = ("slot presence connection incarnation vectors sent received full errors name").split()


class Peers:
    """ivsh on one socket or file, several at a time."""

    def __init__(self, program, *place):
        self.program = program
        self.place = place
        self.server = None
        self.running = []

    def run(self, *words, stdin=b"", place=None, limit=LIMIT):
        """Run one command to its end: (exit status, stdout, lines of stderr)."""
        done = subprocess.run(
            [self.program, *map(str, self.place if place is None else place), *map(str, words)],
            input=stdin,
            capture_output=True,
            timeout=limit,
        )
        return done.returncode, done.stdout, done.stderr.decode().splitlines()

    def start(self, *words, **keywords):
        """Start one command. With a server it has its slot: slots go in the order of calls."""
        # A run of the tests under nohup(1) would hand down that SIGHUP is ignored.
        process = subprocess.Popen(
            ["env", "--default-signal=HUP", self.program, *map(str, (*self.place, *words))],
            stdin=keywords.get("stdin", subprocess.DEVNULL),
            stdout=keywords.get("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            pipesize=keywords.get("pipesize", -1),
        )
        self.running.append(process)
        if self.server:
            self.server.await_line(f" pid={process.pid} uid=")
        return process

    def echo(self, *words):
        """Start an echo, and wait until it is ready."""
        process = self.start("echo", *words)
        assert b"answers" in process.stdout.readline()
        return process

    def ls(self):
        """The lines in front of the table, and its rows by slot."""
        status, output, errors = self.run("ls")
        assert (status, errors) == (0, [])
        rows = {}
        for line in output.decode().splitlines():
            match = re.match(r"([* ]) *(\d+)  ", line)
            if match:
                fields = line[1:].split(None, 9) + [""]
                rows[int(match[2])] = {
                    "own": match[1] == "*",
                    **dict(zip(COLUMNS, fields)),
                }
        return output.decode().splitlines()[:2], rows

    def row(self, name):
        """The row of the peer with that name; None: there is none."""
        found = [row for row in self.ls()[1].values() if row["name"] == name]
        return found[0] if found else None

    def await_row(self, name):
        """Wait until the peer with that name is attached: start() comes back before."""
        until(lambda: (self.row(name) or {"presence": None})["presence"] == "attached")

    def count(self, who, column):
        """A number in the row of a slot, or of a name; 0: it is not there yet."""
        rows = self.ls()[1].values()
        return sum(int(row[column]) for row in rows if who in (row["name"], int(row["slot"])))

    def kill(self, process):
        process.kill()
        process.wait(LIMIT)


class Talker:
    """talker.c: two peers that move on command."""

    def __init__(self, build, path):
        self.process = subprocess.Popen(
            [build / "talker", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.communicate()


def finish(process):
    """(exit status, stdout, lines of stderr) of a process that comes to its end."""
    output, errors = process.communicate(timeout=LIMIT)
    return process.returncode, output, errors.decode().splitlines()
