# SPDX-License-Identifier: MIT
"""test_bridge_program.py - ivsh-bridge as a program: its words, status, folder and end."""

import json
import os
import signal
import subprocess

from bridgetool import PORT, tool
from exposition import one, samples
from servertool import BUILD, LIMIT


def test_check(tmp_path):
    """A file that is right says nothing; what is wrong is one line with a status of its own."""
    path = tmp_path / "conf"
    program = BUILD / "ivsh-bridge"

    def check(text):
        path.write_text(text)
        done = subprocess.run(
            [program, "--config", path, "--check"], capture_output=True, text=True, timeout=LIMIT
        )
        assert done.stdout == ""
        return done.returncode, done.stderr

    right = (
        "region = r\nhost = a\nurl = nats://h:1\nsocket = /s\nstate = /d\n"
        "local 0 = x\nslot 5 = b/y\n"
    )
    status, error = check(right)
    stays = f"ivsh-bridge: {path}: begun as root it stays root: user = NAME makes it another user"
    assert (status, error) == (0, "" if os.geteuid() else stays + "\n")
    assert check(right + "user = 41001:41900\n") == (0, "")
    status, error = check(right + "slot 6 = b/y z\n")
    assert status == 2 and error == f"ivsh-bridge: {path}:8: slot 6: b/y has slot 5, too\n"
    status, error = check("")
    assert status == 2 and error.count("\n") == 1 and "region = NAME" in error
    for words in ([], ["--config"], ["--config", path, "more"], ["--nothing"]):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode == 2 and done.stderr and done.stdout == ""
    done = subprocess.run(
        [program, "--config", tmp_path / "none"], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "none" in done.stderr


def test_ivsh_bridge(tmp_path):
    """The tool becomes the program beside it, with the words behind; before them nothing counts."""
    (tmp_path / "conf").write_text("region = a.b\n")
    status, out, err = tool("bridge", "--config", tmp_path / "conf", "--check")
    assert (status, out) == (2, b"") and err.startswith(b"ivsh-bridge: ")
    status, out, err = tool("-S", "/none", "bridge", "x")
    assert (status, out) == (2, b"") and err.count(b"\n") == 1
    alone = tmp_path / "ivsh"
    alone.write_bytes((BUILD / "ivsh").read_bytes())
    alone.chmod(0o700)
    done = subprocess.run(
        [alone, "bridge", "--help"], capture_output=True, timeout=LIMIT, env={"PATH": "/none"}
    )
    assert done.returncode == 1 and b"ivsh-bridge" in done.stderr and done.stderr.count(b"\n") == 1


def test_status(world):
    """Counters of what passed, as text and for Prometheus; one line where no bridge runs."""
    w = world("core")
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        for _ in range(5):
            a.send(5, PORT, bytes(100), LIMIT)
        for _ in range(5):
            b.receive(LIMIT)
        bridge, pair = w.a.bridge.status()
        assert (bridge["region"], bridge["host"], bridge["bus"]) == ("r", "a", "1")
        assert (pair["peer"], pair["name"], pair["mode"]) == ("b/bpeer", "apeer", "core")
        assert (pair["sent"], pair["sent_bytes"], pair["lost"]) == ("5", "500", "0")
        pair = w.b.bridge.status()[1]
        assert (pair["received"], pair["received_bytes"], pair["attached"]) == ("5", "500", "1")
        done = subprocess.run(
            [BUILD / "ivsh-bridge", "--config", w.b.config, "--json"],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        shown = json.loads(done.stdout)
        assert (shown["region"], shown["host"], shown["bus"]) == ("r", "b", 1)
        assert [(p["slot"], p["peer"], p["received"]) for p in shown["pairs"]] == [
            (5, "a/apeer", 5)
        ]
        texts = {key: str(value) for key, value in shown["pairs"][0].items()}
        assert {**texts, "last_heard_seconds": pair["last_heard_seconds"]} == pair
        done = subprocess.run(
            [BUILD / "ivsh-bridge", "--config", w.b.config, "--prometheus"],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        labels = 'slot="5",peer="a/apeer",local="0",name="bpeer"'
        assert one(samples(done.stdout), "ivsh_bridge_received_total") == 5, labels
    w.b.bridge.stop()
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", w.b.config, "--status"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "no bridge runs here" in done.stderr
    w.b.bridge.start()


def test_alone(world):
    """Two bridges of one state, and a folder that others can write to, are refused."""
    w = world("core")
    config = w.folder / "second"
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", w.a.config],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 1 and "another bridge uses it" in done.stderr
    folder = w.folder / "open"
    folder.mkdir()
    folder.chmod(0o777)
    text = w.a.config.read_text().replace(f"{w.a.folder}/state", str(folder))
    config.write_text(text)
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", config], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 1 and "others can write there" in done.stderr


def test_stop(world):
    """SIGTERM, while the bus has more than the bridge takes, ends it in order."""
    w = world("core")
    raw = w.raw()
    for _ in range(5):
        for _ in range(3000):
            raw.publish("ivsh.r.a.apeer.77.b.bpeer", bytes(200))
        w.b.bridge.process.send_signal(signal.SIGTERM)
        raw.flush()
        assert w.b.bridge.stop() == 0, w.b.bridge.lines
        w.b.bridge.start()
