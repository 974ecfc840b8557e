# SPDX-License-Identifier: MIT
"""test_split_users.py - ivsh-server --split: who can write which part, and who cannot.

The rule that it proves: R17.1, as far as the host can enforce it.
"""

import ctypes
import errno
import mmap
import os
import pathlib
import shutil
import stat

from rawclient import RawClient, until
from splittool import ALICE, BOB, COMMON, NOBODY, Client, as_root, is_refused, mode, run_as

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def attack(fd, size):
    """What a process with a descriptor of another's part tries: the error of each attempt."""
    done = {}
    done["mmap"] = is_refused(mmap.mmap, fd, size)
    base = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    assert base not in (None, ctypes.c_void_p(-1).value)
    failed = libc.mprotect(base, size, mmap.PROT_READ | mmap.PROT_WRITE)
    done["mprotect"] = errno.errorcode[ctypes.get_errno()] if failed else None
    done["ftruncate"] = is_refused(os.ftruncate, fd, 0)
    done["fallocate"] = is_refused(os.posix_fallocate, fd, size, 1)
    done["pwrite"] = is_refused(os.pwrite, fd, b"x", 0)
    for flags, name in ((os.O_RDWR, "reopen"), (os.O_WRONLY | os.O_TRUNC, "reopen, truncated")):
        done[name] = is_refused(os.open, f"/proc/self/fd/{fd}", flags)
    done["fchmod"] = is_refused(os.fchmod, fd, 0o666)
    return done


@as_root
def test_hostile_process(start, public):
    """R17.1: with all that the server gives it, another user can store into its own part alone."""
    server = start("--split", "--slots", 4, "--socket-mode", "0666", folder=public)
    size = os.stat(f"{server.socket}.split/part-0").st_size
    taken = Client.join(server.socket, 4)
    assert taken.id == 0

    def hostile(kind):
        client = Client.join(server.socket, 4, kind=kind)
        own = client.id
        done = {n: attack(fd, size) for n, fd in enumerate(client.parts) if n != own}
        for n in range(4):
            path = f"{server.socket}.split/part-{n}"
            done[n] = {**done.get(n, {}), "by name": is_refused(os.open, path, os.O_RDONLY)}
        if own >= 0:
            os.pwrite(client.parts[own], b"mine", 0x38)
        else:
            done["common"] = attack(client.memory, COMMON)
        done["unlink"] = is_refused(os.unlink, f"{server.socket}.split/part-0")
        return [own, {str(key): value for key, value in done.items()}]

    for kind, expected in (("client", 1), ("probe", -1)):
        own, done = run_as(NOBODY, lambda kind=kind: hostile(kind))
        assert own == expected
        for n in range(4):
            assert done[str(n)].pop("by name") == "EACCES"
            if n != own:
                assert None not in done[str(n)].values() and len(done[str(n)]) == 8, done
        assert done["unlink"] == "EACCES"
        if own < 0:
            assert None not in done["common"].values()
    assert os.pread(taken.parts[1], 4, 0x38) == b"mine"
    assert os.pread(taken.parts[0], 4, 0x38) == bytes(4)


@as_root
def test_users(start, fails, public):
    """The part of --slot WHO=PATH,user=USER is that user's; others open it for reading alone."""
    server = start(
        "--split", "--slots", 3, "--slot", f"alpha={public}/a,user={ALICE}",
        "--slot", f"2={public}/b,user={BOB}", "--file", public / "d", folder=public,
    )  # fmt: skip
    folder = public / "d"
    owners = [os.stat(folder / f"part-{n}").st_uid for n in range(3)]
    assert owners == [ALICE, 0, BOB]
    for name in ("common", "part-0", "part-1", "part-2"):
        assert stat.S_IMODE(os.stat(folder / name).st_mode) == 0o644

    def tries():
        return [is_refused(os.open, str(folder / f"part-{n}"), os.O_RDWR) for n in range(3)] + [
            is_refused(os.open, str(folder / f"part-{n}"), os.O_RDONLY) for n in range(3)
        ]

    assert run_as(ALICE, tries) == [None, "EACCES", "EACCES", None, None, None]
    assert run_as(BOB, tries) == ["EACCES", "EACCES", None, None, None, None]
    assert run_as(BOB, lambda: is_refused(os.chmod, folder / "part-2", 0o666)) is None
    server.stop(9)
    server = start(
        "--split", "--slots", 3, "--slot", f"alpha={public}/a,user={ALICE}",
        "--slot", f"2={public}/b,user={BOB}", "--file", public / "d", folder=public,
    )  # fmt: skip
    assert server.field("kept") == "1"
    assert stat.S_IMODE(os.stat(folder / "part-2").st_mode) == 0o644
    server.stop(9)
    status, lines = fails("--split", "--slots", 3, "--file", folder, "--memory-mode", "0644")
    assert status == 1 and f"part-0: belongs to user {ALICE}" in lines[0] and len(lines) == 1
    shutil.rmtree(folder)


@as_root
def test_slot_of_a_user(start, public):
    """Whoever holds a slot gets its part for writing: so only its user does, and root."""
    server = start("--split", "--slots", 3, "--socket-mode", "0666", folder=public, *[
        word for name, user in (("a", ALICE), ("b", BOB))
        for word in ("--slot", f"{name}={public}/{name},user={user}")
    ])  # fmt: skip

    def tries(name, kind="client"):
        client = RawClient.named(public / name, f"\0ivsh-{kind}-of-{name}-{os.geteuid()}")
        return [client.message()[0], client.message()[0]] if client else None

    def refused(name):
        client = RawClient.named(public / name, f"\0ivsh-client-at-{name}-{os.geteuid()}")
        first = client.message()
        return [first[0], client.socket.recv(100).decode()]

    assert run_as(ALICE, lambda: tries("a")) == [0, 0]
    assert run_as(BOB, lambda: tries("b")) == [0, 1]
    until(lambda: [slot["state"] for slot in server.status("slot")] == 3 * ["free"])
    for user, name in ((BOB, "a"), (ALICE, "b"), (NOBODY, "a")):
        said = run_as(user, lambda name=name: refused(name))
        assert said == [1, "refused reason=not-allowed\n"]
        assert run_as(user, lambda name=name: tries(name, "probe")) == [0, -1], "it only reads"
    assert server.status("slot")[0]["times"] == server.status("slot")[1]["times"] == "1"
    assert run_as(NOBODY, lambda: tries("s")) == [0, 2]
    root = Client.join(public / "b", 3)
    assert root.id == 1


@as_root
def test_serving_user(start, public):
    """With --user the process that serves needs no right to open what it passes on."""
    server = start("--split", "--slots", 3, "--user", f"{ALICE}:{ALICE}", folder=public)
    with open(f"/proc/{server.serving}/status", encoding="ascii") as file:
        assert f"Uid:\t{ALICE}" in file.read()
    client = Client.join(server.socket, 3)
    server.kill_serving()
    second = Client.join(server.socket, 3)
    until(lambda at=client.page()[1]: client.page()[1] != at)
    assert [mode(fd) for fd in second.parts] == [os.O_RDONLY, os.O_RDWR, os.O_RDONLY]


@as_root
def test_truncated_part(start, public):
    """The owner of a part truncates it: the server says so, and serves the others as ever."""
    server = start("--split", "--slots", 3, folder=public)
    first, second = Client.join(server.socket, 3), Client.join(server.socket, 3)
    os.ftruncate(second.parts[1], 0)
    server.status()
    assert "slot=1" in server.await_line("what=part-lost")
    until(lambda at=first.page()[1]: first.page()[1] != at)
    assert server.status("memory")[0]["lost"] == "0"
    assert server.count("event=takeover") == 0 and server.count("what=part-lost") == 1


@as_root
def test_reload_gives_parts(start, public):
    """At a reload a slot gets a socket and a user; what cannot be done changes nothing."""
    config = public / "config"
    folder = public / "d"

    def write(*lines):
        config.write_text(f"split\nslots = 3\nfile = {folder}\n" + "".join(f"{x}\n" for x in lines))

    def owners():
        return [os.stat(folder / f"part-{n}").st_uid for n in range(3)]

    def modes():
        return {stat.S_IMODE(os.stat(folder / name).st_mode) for name in os.listdir(folder)}

    write()
    server = start("-c", config, folder=public)
    client = Client.join(server.socket, 3)
    assert owners() == [0, 0, 0] and modes() == {0o600}
    folder.chmod(0o700)
    write(f"slot = 1={public}/a,user={ALICE}")
    server.reload("failed")
    server.await_line(f"{folder}: other users cannot open what is in it: chmod 0711 it")
    assert owners() == [0, 0, 0] and modes() == {0o600}
    folder.chmod(0o711)
    server.reload()
    assert owners() == [0, ALICE, 0] and modes() == {0o644}
    own = Client.join(public / "a", 3)
    assert own.id == 1
    write(f"slot = 2={public}/a,user={BOB}")
    server.reload()
    assert owners() == [0, 0, BOB] and modes() == {0o644}
    server.kill_serving()
    assert owners() == [0, 0, BOB]
    config.write_text(f"slots = 3\nfile = {folder}\n")
    server.reload("failed")
    server.await_line("--split: is 1 while the server runs, 0 is asked for")
    write()
    server.reload()
    assert owners() == [0, 0, 0] and client.is_quiet(0)


@as_root
def test_parts_that_cannot_be_given(start, fails, public):
    """Without the right to give files away one line says whose part it is about."""
    public.chmod(0o777)
    slot = f"1={public}/a,user={BOB}"
    prefix = ("setpriv", f"--reuid={ALICE}", "--clear-groups")
    status, lines = fails(
        "--split", "--slots", 2, "-S", public / "s", "--slot", slot, socket=None, prefix=prefix
    )
    assert status == 1 and len(lines) == 1
    assert f"{public}/s.split/part-1: cannot be given to user {BOB}: Operation not" in lines[0]
    assert os.listdir(public) == []
    config = public / "config"
    config.write_text("split\nslots = 2\n")
    config.chmod(0o644)
    server = start("-c", config, folder=public, prefix=prefix)
    config.write_text(f"split\nslots = 2\nslot = {slot}\n")
    server.reload("failed")
    server.await_line(f"part-1: cannot be given to user {BOB}")
    assert stat.S_IMODE(os.stat(f"{server.socket}.split/part-1").st_mode) == 0o600
    assert Client.join(server.socket, 2).id == 0


@as_root
def test_right_to_give_files_away(start, public):
    """CAP_CHOWN is all that user= needs, at the start and at a reload: as a drop-in has it."""
    public.chmod(0o777)
    prefix = ("setpriv", f"--reuid={ALICE}", "--clear-groups", "--inh-caps=-all,+chown",
              "--ambient-caps=-all,+chown", "--bounding-set=-all,+chown")  # fmt: skip
    config = public / "config"
    config.write_text(f"split\nslots = 3\nslot = 1={public}/a,user={BOB}\n")
    server = start("-c", config, folder=public, prefix=prefix)
    folder = pathlib.Path(f"{server.socket}.split")
    owners = [os.stat(folder / f"part-{n}").st_uid for n in range(3)]
    assert owners == [ALICE, BOB, ALICE]
    config.write_text(f"split\nslots = 3\nslot = 2={public}/a,user={NOBODY}\n")
    server.reload()
    owners = [os.stat(folder / f"part-{n}").st_uid for n in range(3)]
    assert owners == [ALICE, ALICE, NOBODY]
    server.stop()
    assert os.listdir(public) == ["config"]
