# SPDX-License-Identifier: MIT
"""splittool.py - clients of a server with a split region, its parts, and other users."""

import errno
import fcntl
import json
import os
import pathlib
import struct

import pytest
from rawclient import RawClient

NOBODY, ALICE, BOB = 65534, 41001, 41002
ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root can be another user")
COMMON = 8192
PAGE = 4096  # of the server, in the common memory
PART_MAGIC = b"IVSHPRT\0"


class Client(RawClient):
    """What our own client receives: parts[slot], descriptors, behind the memory."""

    made = 0

    @classmethod
    def join(cls, path, slots=8, vectors=2, kind="client"):
        Client.made += 1
        client = cls.named(path, f"\0ivsh-{kind}-test-{os.getpid()}-{Client.made}")
        messages = [client.message() for _ in range(3 + slots)]
        assert messages[0] == (0, None)
        assert [value for value, _ in messages[2:]] == [-1, *(-2 - n for n in range(slots))]
        client.id, client.memory = messages[1][0], messages[2][1]
        client.parts = [fd for _, fd in messages[3:]]
        if kind == "client":
            others = [n for n in range(slots) if n != client.id] + [client.id]
            for slot in others:
                for _ in range(vectors):
                    assert client.message()[0] == slot
        return client

    def page(self):
        """The server page: epoch, heartbeat, change, vectors."""
        return struct.unpack("<4I", os.pread(self.memory, 16, PAGE))


def mode(fd):
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE


def part_header(path):
    """format_id and slot of a part."""
    data = pathlib.Path(path).read_bytes()[:64]
    assert data[:8] == PART_MAGIC
    return struct.unpack_from("<Q", data, 0x28)[0], struct.unpack_from("<I", data, 0x34)[0]


def is_refused(call, *arguments):
    """The call fails: the name of the error; None: it did not."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def run_as(user, function):
    """Run (function) in a process of another user: what it returns, through JSON."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.write(write, json.dumps(function()).encode())
        except BaseException as error:  # the parent reports it
            os.write(write, json.dumps({"failed": repr(error)}).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    result = json.loads(text)
    assert not (isinstance(result, dict) and "failed" in result), result
    return result
