# SPDX-License-Identifier: MIT
"""test_bridge_manual.py - ivsh-bridge(8): its example works as printed, its lists are whole."""

import contextlib
import json
import re
import subprocess

from bridgetool import ROOT, Bridge, Nats, ivsh
from exposition import samples
from rawclient import until
from servertool import BUILD, LIMIT, Server
from test_bridge_trust import certificates

PAGE = ROOT / "host/man/ivsh-bridge.8"


def blocks():
    """Each block of the page's examples, without roff's words: by (file, machine), or in order."""
    page = PAGE.read_text()
    files, rest = {}, []
    for text in re.findall(r"^\.RS\n(.*?)\n\.RE$", page.split(".SH EXAMPLES")[1], re.M | re.S):
        text = text.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")
        head = re.match(r"# (/\S+) on (?:host )?(\w+)", text)
        if head:
            files[head[1], head[2]] = text + "\n"
        else:
            rest.append(text)
    return files, rest


def test_example(tmp_path):
    """
    The files for both hosts and the bus: with other folders and another port, and nothing else, the
    guests find each other, with each host's own permissions, by TLS, and the log is the one shown.
    """
    files, rest = blocks()
    certificates(tmp_path, bus="DNS:localhost")
    for name in ("bus.crt", "ca.crt"):
        (tmp_path / name).rename(tmp_path / f"{name[:-4]}.pem")
    config = files["/etc/nats-server.conf", "bus"]
    config = re.sub(r"^(listen|jetstream) ?.*\n", "", config, flags=re.M)
    nats = Nats(tmp_path, config.replace("/etc/nats/", f"{tmp_path}/"))
    peers, bridges = [], []
    with contextlib.ExitStack() as stack:
        stack.callback(nats.stop)
        for host, guest in (("a", "gamma"), ("b", "alpha")):
            folder = tmp_path / host
            folder.mkdir()

            def here(text, folder=folder):
                text = text.replace("/run/ivsh/default/ivsh.sock", f"{folder}/s")
                text = text.replace("/run/ivsh/default/", f"{folder}/")
                text = text.replace("/etc/ivsh/ca.pem", f"{tmp_path}/ca.pem")
                text = text.replace("/etc/ivsh/", f"{folder}/")
                text = text.replace("/var/lib/ivsh-bridge/lab", f"{folder}/state")
                return text.replace("tls://bus:4222", f"tls://localhost:{nats.port}")

            server = folder / "server.conf"
            server.write_text(here(files["/etc/ivsh/default.conf", host]))
            stack.callback(Server(folder, "--config", server).stop)
            secret = folder / "bus.password"
            secret.write_text(f"secret of {host}\n")
            secret.chmod(0o600)
            bridge = folder / "bridge.conf"
            bridge.write_text(here(files["/etc/ivsh/bridge-lab.conf", host]))
            bridges.append(Bridge(bridge))
            stack.callback(bridges[-1].stop)
            peers.append(stack.enter_context(ivsh.Peer(str(folder / f"{guest}.sock"), guest)))
        shown = next(text for text in rest if text.startswith("event=ready"))
        shown = here(shown.replace("host=a", "host=b").replace("b/alpha", "a/gamma"))
        for line in shown.split("\n"):
            bridges[1].await_line(line)
        for peer, other in (peers, peers[::-1]):
            name = "gamma" if other is peers[0] else "alpha"
            assert peer.find(name, LIMIT) == 5
            peer.send(5, 77, b"from the other host", LIMIT)
            m = other.receive(LIMIT)
            assert (m.peer, m.port, m.data) == (5, 77, b"from the other host")
        for bridge in bridges:
            assert bridge.count("event=bus-error") == 0
            assert bridge.status()[1]["mode"] == "jetstream"


def listed():
    """What the manual lists of --status, of the bridge and of a pair: field, metric, meaning."""
    section = PAGE.read_text().split(".SH STATUS\n")[1].split("\n.SH ")[0]
    tables = [part.split("\n.TE")[0] for part in section.split(".TS\n")[1:]]
    return [[line.split("\t") for line in table.splitlines()[3:]] for table in tables]


def test_log_manual():
    """Each event that the log can have is in the manual, and no other is."""
    section = PAGE.read_text().split(".SH LOG\n")[1].split("\n.SH ")[0]
    known = set(re.findall(r"event=([a-z-]+)", section.replace("\\-", "-")))
    made = set()
    for source in (ROOT / "host/bridge").glob("*.c"):
        text = source.read_text()
        made |= set(re.findall(r'"event=([a-z-]+)', text))
        made |= set(re.findall(r'\[PLAIN_\w+\] = \{"([a-z-]+)"', text))
    assert known == made


def test_status_manual(world):
    """Each field of the status, and each metric, is in the manual, and no other is; so are both."""
    w = world("core")
    until(lambda: w.a.bridge.status()[1]["last_heard_seconds"] != "none")
    program = [BUILD / "ivsh-bridge", "--config", w.a.config]
    keywords = {"capture_output": True, "text": True, "timeout": LIMIT}
    shown = json.loads(subprocess.run([*program, "--json"], **keywords).stdout)
    pair = shown.pop("pairs")[0]
    bridge_rows, pair_rows = listed()
    assert [row[0] for row in bridge_rows] == list(shown)
    assert [row[0] for row in pair_rows] == list(pair)
    assert 0 <= pair["last_heard_seconds"] < 60 and pair["window_bytes"] == 512 << 10
    found = samples(subprocess.run([*program, "--prometheus"], **keywords).stdout)
    names, more = {"ivsh_bridge_up"}, 'region="r",host="a"'
    texts = ["region", "host", "slot", "peer", "local", "name", "mode"]
    for rows, values, labels in (
        (bridge_rows, shown, more),
        (pair_rows, pair, more + ',slot="5",peer="b/bpeer",local="0",name="apeer"'),
    ):
        for field, metric, meaning in rows:
            kind, name = [*metric.split(), field, field][:2] if metric else ("", "")
            assert meaning and kind in ("", "counter", "gauge")
            # A text of the line is a label, or the same in each.
            assert (kind == "") == (field in texts)
            if kind:
                names.add(f"ivsh_bridge_{name}" + "_total" * (kind == "counter"))
                value = found[f"ivsh_bridge_{name}" + "_total" * (kind == "counter"), labels]
                assert field == "last_heard_seconds" or value == values[field], field
    assert {name for name, _ in found} == names
    assert found["ivsh_bridge_up", more] == 1
    w.a.bridge.stop()
    done = subprocess.run([*program, "--prometheus"], **keywords)
    assert samples(done.stdout) == {("ivsh_bridge_up", more): 0}
    assert done.returncode == 0 and "no bridge runs here" in done.stderr
    assert subprocess.run([*program, "--json"], **keywords).returncode == 1
    w.a.bridge.start()
