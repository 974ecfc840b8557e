# SPDX-License-Identifier: MIT
"""test_tune.py - tune: it measures for the time given, and writes a geometry that others take.

What it finds is the machine's matter, and not judged: how it chooses is tune_test's.
"""

import contextlib
import os
import pty
import re
import signal
import subprocess

import pytest

from peertool import DONE, FAILED, STOPPED, USAGE
from rawclient import until
from test_json import objects, of

ONE_CPU = 9
LIMIT = 60.0  # seconds: on a busy machine it goes on until it has enough slices

CELLS = {
    "latency": ["round trip"] * 6,
    "throughput": ["stream"] * 7 + ["batch"] * 2,
}
CELLS["balanced"] = CELLS["latency"] + CELLS["throughput"]


def run(build, *words, **keywords):
    return subprocess.run(
        [build / "ivsh", "tune", *words], capture_output=True, text=True, timeout=LIMIT, **keywords
    )


def check_file(text, use):
    """A comment that names the machine, each class and its cells, and the geometry."""
    assert f"; use: {use}; 1 s, " in text
    assert re.search(r"^# machine: \S.*, \d+ processors; ", text, flags=re.M)
    classes = text.split("\n# class ")[1:]
    assert classes
    counted = [c for c in classes if "did not count" not in c]
    assert counted
    for part in counted:
        assert re.match(r"(sibling|cluster|far): processors \d+ and \d+, ping-pong \d+ ns\n", part)
        cells = re.findall(r"^#   ([a-z ]+) \d+ (?:KiB|B) +([0-9.]+) +([0-9.]+)$", part, flags=re.M)
        assert [name for name, _, _ in cells] == CELLS[use]
        assert all(float(own) > 0 and float(its) > 0 for _, own, its in cells)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line.split(" = ")[0] for line in lines] == ["descs", "small-size", "large-size"]
    return lines


@pytest.mark.parametrize("use", CELLS if os.environ.get("IVSH_SOAK") else ["latency"])
def test_tune(build, tmp_path, use):
    path = tmp_path / "rings.geo"
    done = run(build, f"--use={use}", "--time=1", "--output", path)
    assert done.returncode == DONE, done.stderr
    assert done.stdout == path.read_text()
    assert done.stderr.splitlines() == [
        "ivsh: tune: pairs of processors",
        "ivsh: tune: descriptors, small areas",
        "ivsh: tune: large areas",
        "ivsh: tune: the best ones",
    ]
    lines = check_file(done.stdout, use)
    done = subprocess.run(
        [build / "ivsh", "mem", "create", tmp_path / "m", "64M", "--slots=2", "--geometry", path],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    descs = lines[0].split(" = ")[1]
    assert (done.returncode, done.stderr) == (DONE, "")
    assert f" rings of {descs} descriptors, " in done.stdout


def test_json(build):
    done = run(build, "--time=2", "--quiet", "--json")
    assert (done.returncode, done.stderr) == (DONE, "")
    made = objects(done.stdout.encode())
    assert made[0]["type"] == "machine" and made[0]["time_ns"] == 2 * 10**9
    geometry = made[-1]
    assert geometry["type"] == "geometry" and geometry["descs"] >= 16
    assert of(made, "class") and all(one["ping_pong_ns"] > 0 for one in of(made, "class"))


def test_one_processor(build):
    cpu = min(os.sched_getaffinity(0))
    done = run(build, preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    assert (done.returncode, done.stdout) == (ONE_CPU, "")
    assert done.stderr.startswith("ivsh: tune: this process may use one processor, and two are")
    assert done.stderr.count("\n") == 1


@contextlib.contextmanager
def on_a_terminal(build, path):
    """A tune of a minute whose progress goes to a terminal, in a session of its own: both."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["env", "--default-signal=HUP", "TERM=xterm", build / "ivsh", "tune", "--output", path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.communicate()
        os.close(ours)


def is_gone(session):
    """No process of the session is left but those that have ended."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError):
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                state, _, _, its = file.read().rpartition(")")[2].split()[:4]
            if int(its) == session and state not in "ZX":
                return False
    return True


def read_until(terminal, text):
    got = b""
    while text not in got:
        got += os.read(terminal, 4096)
    return got


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGKILL])
def test_stop(build, tmp_path, sig):
    """Nothing is left of it, and a file that is there stays as it was."""
    path = tmp_path / "rings.geo"
    path.write_text("before")
    with on_a_terminal(build, path) as (process, terminal):
        assert b"\rtune: " in read_until(terminal, b" %: descriptors, small areas")
        process.send_signal(sig)
        output = process.communicate(timeout=LIMIT)[0]
        assert output == b""
        if sig == signal.SIGINT:
            assert process.returncode == STOPPED
            assert b"ivsh: stopped" in read_until(terminal, b"ivsh: stopped")
        until(lambda: is_gone(process.pid))
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["rings.geo"]


@pytest.mark.parametrize(
    "words,status,what",
    [
        (["--use=speed"], USAGE, "ivsh: --use=speed: not latency, throughput or balanced"),
        (["--time=0"], USAGE, "ivsh: --time=0: not a number of seconds from 1 to 3600"),
        (["--time=1.5"], USAGE, "ivsh: --time=1.5: not a number of seconds"),
        (["--time=3601"], USAGE, "ivsh: --time=3601: not a number of seconds"),
        (["now"], USAGE, "ivsh: tune: now: one word too many"),
        (["-S", "x"], USAGE, "ivsh: tune: --socket means nothing here"),
        (["--slots=2"], USAGE, "ivsh: tune: --slots means nothing here"),
        (["--output="], USAGE, "ivsh: --output: needs a value: --output=FILE"),
        (["--output=/none/here/x"], FAILED, "ivsh: /none/here/x: "),
        (["--output=/"], FAILED, "ivsh: /: "),
    ],
)
def test_refused(build, words, status, what):
    """At once: a wrong word must not cost a minute."""
    done = run(build, *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
    assert done.stderr.startswith(what)
