# SPDX-License-Identifier: MIT
"""
test_makefile.py - the examples, built by their own Makefile from the installed files alone, and
those that no other test builds from there started.
"""

import subprocess

import pytest
from test_install import CLEAN, Sdk, Server, sdk, server  # noqa: F401  (the last two are fixtures)

from qemu import doorbell


@pytest.fixture(scope="module")
def built(sdk):  # noqa: F811
    sdk.run("make", "-s", "CFLAGS=-O2 -Werror")
    return sdk.work / "out"


def talk(sdk, server, slot, name):  # noqa: F811
    """The installed tool: an answer to each message, and a text."""
    for words in (["ping", name, "--count=20"], ["send", name, "hello"], ["send", name, "end"]):
        tool = [sdk.prefix / "bin/ivsh", "-S", server.bound[slot]]
        server.world.program(words[0], *tool, *words, env=CLEAN).done()


@pytest.mark.parametrize(
    "example, want",
    [
        ("kernel", "^hello\nend$"),
        ("tasks", "^hello\ntasks: \\d+ doorbells; "),
        ("echo", "^peer 1 says hello\npeer 1 says end$"),
    ],
)
def test_guest(sdk, built, server, example, want):  # noqa: F811
    image = built / "x86_64" / example
    guest = server.world.guest(example, "", *doorbell(server.bound[0]), image=image)
    talk(sdk, server, 1, example)
    guest.expect(want)


def test_host(sdk, built, server):  # noqa: F811
    """On the host, too."""
    echo = server.host(0, built / "host/echo")
    talk(sdk, server, 1, "echo")
    assert echo.done() == "peer 1 says hello\npeer 1 says end\n"


def test_all_are_built(built):
    """Nothing is missing, and each example is one of the README's."""
    names = {f"{path.parent.name}/{path.name}" for path in built.glob("*/*") if path.suffix != ".o"}
    guests = "exchange request sleep stream events echo kernel tasks".split()
    host = {f"host/{name}" for name in ("exchange", "stream", "echo", "loop")}
    assert names == host | {f"x86_64/{name}.elf" for name in guests}


def test_not_installed(sdk):  # noqa: F811
    """One line says what is missing and what to do."""
    words = ["make", "-s", "-C", sdk.work, "OUT=other", "kernels"]
    done = sdk_less(words)
    assert done.returncode != 0
    assert done.stderr.startswith(
        "pkg-config finds no ivsh-x86_64: install ivsh, and name PREFIX/lib/pkgconfig in"
    ), done.stderr


def sdk_less(words):
    """A command whose pkg-config does not find the installation."""
    words = [str(word) for word in words]
    env = {**CLEAN, "PKG_CONFIG_LIBDIR": "/nowhere"}
    return subprocess.run(words, env=env, capture_output=True, text=True, check=False)
