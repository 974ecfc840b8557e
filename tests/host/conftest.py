# SPDX-License-Identifier: MIT
"""conftest.py - servers in folders of their own: started, their logs read, and ended."""

import contextlib
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from peertool import Peers
from rawclient import RawClient
from servertool import BUILD, LIMIT, Server


@pytest.fixture(autouse=True)
def hang_up():
    """Close all clients at the end of their test."""
    yield
    while RawClient.alive:
        RawClient.alive.pop().close()


@pytest.fixture
def build():
    """Where the programs are."""
    return BUILD


@pytest.fixture
def public():
    """A folder that every user can enter and read; pytest's own are for one."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="ivsh-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def public_bridge(public):
    """A bridge that every user can run: a checkout may stand in a folder of one user."""
    path = public / "ivsh-bridge"
    shutil.copy(BUILD / "ivsh-bridge", path)
    return path


@pytest.fixture
def start(tmp_path):
    """Start servers in tmp_path: start("-n", 2, ...). All end with the test."""
    servers = []

    def run(*arguments, folder=tmp_path, **keywords):
        servers.append(Server(folder, *arguments, **keywords))
        return servers[-1]

    yield run
    for server in servers:
        server.stop()


@pytest.fixture
def fails(tmp_path):
    """Run a server that must not start: returns (exit status, its lines)."""

    def run(*arguments, program="ivsh-server", prefix=(), socket="s", pass_fds=()):
        done = subprocess.run(
            [*prefix, str(BUILD / program), "-F"]
            + (["-S", str(tmp_path / socket)] if socket else [])
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
    """Peers on one memory: at("-f", path). Commands that still run at the end are killed."""
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


@pytest.fixture
def world(tmp_path):
    """Two hosts with a bridge each and a bus: world("core"). All of it ends with the test."""
    # Not above: it loads this machine's library, and emulated.py runs tests with another's.
    from bridgetool import World

    with contextlib.ExitStack() as stack:

        def make(*words, **keywords):
            made = World(tmp_path, *words, **keywords)
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture(params=["core", "jetstream"])
def both(request, world):
    """Such a world in each mode."""
    return world(request.param)
