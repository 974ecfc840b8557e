# SPDX-License-Identifier: MIT
"""rawclient.py - a client of the ivshmem protocol that keeps all bytes and descriptors."""

import array
import mmap
import os
import select
import socket
import struct
import time

LIMIT = 60.0  # seconds: what has not come by then is missing; a busy machine takes its time
SOAK = bool(os.environ.get("IVSH_SOAK"))  # the full counts


class RawClient:
    alive = []  # all clients of this test, which conftest.py closes

    def __init__(self, path, made=None):
        """Connect to (path); or use the socket (made), which is connected."""
        self.fds = []
        self.socket = made or socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        RawClient.alive.append(self)
        self.socket.settimeout(LIMIT)
        if not made:
            self.socket.connect(str(path))

    @classmethod
    def of(cls, path, uid, gid, groups=()):
        """A client that connected as another user, by SO_PEERCRED: only root can make one."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        child = os.fork()
        if child == 0:
            try:
                os.setgroups(groups)
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
                made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                made.connect(str(path))
                socket.send_fds(theirs, [b"1"], [made.fileno()])
            except OSError:
                theirs.send(b"0")
            finally:
                os._exit(0)
        theirs.close()
        with ours:
            fds = socket.recv_fds(ours, 1, 1)[1]
        os.waitpid(child, 0)
        if not fds:
            raise PermissionError(str(path))
        return cls(path, socket.socket(fileno=fds[0]))

    @classmethod
    def named(cls, path, name):
        """A client whose own socket has an address, as in our programs."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(name)
        made.connect(str(path))
        return cls(path, made)

    def message(self):
        """The next (value, descriptor or None); None at the end of the stream."""
        data, control, flags, _ = self.socket.recvmsg(8, socket.CMSG_SPACE(4 * 4))
        if not data:
            return None
        assert len(data) == 8, f"a message of {len(data)} bytes"
        assert not flags & socket.MSG_CTRUNC
        fds = array.array("i")
        for level, kind, content in control:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
            fds.frombytes(content)
        self.fds += fds
        assert len(fds) <= 1
        return struct.unpack("<q", data)[0], fds[0] if fds else None

    def handshake(self, slots, vectors):
        """Receive all of it; sets id, memory, eventfds[slot][vector]; returns the messages."""
        messages = [self.message() for _ in range(3 + slots * vectors)]
        self.id = messages[1][0]
        self.memory = messages[2][1]
        self.eventfds = {slot: [] for slot in range(slots)}
        for slot, fd in messages[3:]:
            self.eventfds[slot].append(fd)
        return messages

    def is_quiet(self, seconds=0.1):
        return not is_readable(self.socket, seconds)

    def map(self):
        return mmap.mmap(self.memory, os.fstat(self.memory).st_size)

    def close(self):
        self.socket.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []


def is_readable(fd, seconds):
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def notify(fd):
    os.write(fd, struct.pack("<Q", 1))


def take(fd, seconds=0.0):
    """The notifications in an eventfd, waited for; 0: none."""
    if not is_readable(fd, seconds):
        return 0
    return struct.unpack("<Q", os.read(fd, 8))[0]


def is_one_file(a, b):
    """Two descriptors are one eventfd: a notification by one of them is found in the other."""
    take(a)
    notify(a)
    return take(b) == 1


def is_over(pid):
    """Whether the process has ended, also if nobody has waited for it. proc(5), stat."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def within(seconds, attempt, tries=10):
    """
    Do what takes less than that, and answer what it answers. Others may have the processors: what
    is slow by itself is slow each time.
    """
    took = []
    while len(took) < tries:
        began = time.monotonic()
        result = attempt()
        took.append(time.monotonic() - began)
        if took[-1] < seconds:
            return result
    raise AssertionError(f"not within {seconds} s: {took}")


def until(condition, seconds=LIMIT):
    """Wait until (condition()) is true, where there is no event to wait for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
