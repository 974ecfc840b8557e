# SPDX-License-Identifier: MIT
"""test_known.py - names that were resolved at the start hold for servers that take over."""

import os
import subprocess

import pytest

from rawclient import RawClient

GHOST = 54321  # nobody's number

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts over /etc, and becomes others")


def join(path, slots=8, vectors=2):
    client = RawClient.of(path, GHOST, GHOST)
    client.handshake(slots, vectors)
    return client


@pytest.fixture
def accounts(tmp_path):
    """Accounts of the server alone: files in place of /etc/passwd and /etc/group."""
    passwd, group = tmp_path / "passwd", tmp_path / "group"
    passwd.write_text(f"root:x:0:0::/:/bin/sh\nghost:x:{GHOST}:{GHOST}::/:/bin/sh\n")
    group.write_text(f"root:x:0:\nghosts:x:{GHOST}:\n")
    os.chmod(tmp_path, 0o755)

    def prefix():
        mounts = f"mount --bind {passwd} /etc/passwd && mount --bind {group} /etc/group"
        return ("unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh")

    def forget():
        passwd.write_text("root:x:0:0::/:/bin/sh\n")
        group.write_text("root:x:0:\n")

    prefix.forget = forget
    return prefix


@pytest.mark.parametrize("how", ["line", "file"])
@pytest.mark.parametrize("user", ["ghost", "ghost:ghosts", str(GHOST)])
def test_without_the_name_service(start, tmp_path, accounts, how, user):
    """Users and groups are gone: the next server runs as the same user. A reload resolves anew."""
    given = ("user=" + user, "socket-group=ghosts", "control-group=ghosts", "socket-mode=0660")
    given += ("allow=user:ghost", "allow=group:ghosts")
    if how == "line":
        arguments = [f"--{text}" for text in given]
    else:
        (tmp_path / "c").write_text("\n".join(given))
        arguments = ["-c", tmp_path / "c"]
    parents = list(tmp_path.parents)[:2]
    modes = [os.stat(parent).st_mode for parent in parents]
    for parent in parents:
        os.chmod(parent, 0o755)
    try:
        server = start(*arguments, prefix=accounts())
        join(server.socket)
        server.reload()  # while it can ask
        accounts.forget()
        for turn in range(3):
            server.kill_serving()
            assert os.stat(f"/proc/{server.serving}").st_uid == GHOST
            assert join(server.socket).id == turn + 1
        serving = server.serving
        server.reload("failed")
        assert server.serving == serving and join(server.socket).id == 4
        server.kill_serving()
        assert join(server.socket).id == 5
    finally:
        for parent, mode in zip(parents, modes):
            os.chmod(parent, mode)


def test_limit_that_changed(start):
    """As many slots as the descriptors allowed when the server started."""
    server = start("-M", f"ivsh-known-{os.getpid()}", program="ivshmem-server")
    slots = server.field("slots")
    subprocess.run(["prlimit", f"--pid={server.supervisor}", "--nofile=1500:1500"], check=True)
    server.kill_serving()
    assert server.field("slots") == slots
    client = RawClient(server.socket)
    assert client.message() == (0, None)
