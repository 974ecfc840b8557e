# SPDX-License-Identifier: MIT
"""test_bridge_manual.py - the example of ivsh-bridge(8) works as it is printed."""

import contextlib
import re

from bridgetool import ROOT, Bridge, Nats, ivsh
from servertool import LIMIT, Server
from test_bridge_trust import certificates


def blocks():
    """Each block of the page's examples, without roff's words: by (file, machine), or in order."""
    page = (ROOT / "host/man/ivsh-bridge.8").read_text()
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
