# SPDX-License-Identifier: MIT
"""
hosts.py - two hosts of one machine, a and b: a server and a bridge each, and NATS between them.

As root the hosts' bridges and the bus have network namespaces of their own, with a link from each
host to the bus; otherwise all are on the loopback. The peer of host a has slot 0, that of host b
slot 1; on each host the other one's slot is the bridge's.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess

import split
from pause import pause
from qemu import BUILD, ROOT, doorbell

NATS = ROOT / "build/nats/usr/sbin/nats-server"
SLOTS = 8
LATE = 60.0  # seconds for what takes a bridge several limits of its own


def own_networks():
    """Whether this user can have any."""
    tried = ["unshare", "-n", "ip", "link"]
    return os.geteuid() == 0 and subprocess.run(tried, capture_output=True).returncode == 0


class Hosts:
    def __init__(self, world, mode, names=("alpha", "beta"), more="", servers=((), ())):
        """
        more: lines of both bridges' configurations; servers: words of each server, as --split.
        """
        self.world, self.mode, self.names, self.more = world, mode, names, more
        self.is_split = ["--split" in words for words in servers]
        self.networks = None  # of host a, host b and the bus: the process that each has
        if own_networks():
            self._networks()
        self.port = -1
        if not self.networks:
            self._hold_port()
        self.bus = None
        self.start_bus()
        self.servers = [
            world.server(*words, bind=2, slots=SLOTS, name=f"server.{name}")
            for name, words in zip("ab", servers)
        ]
        self.bridges = [None, None]
        for host in range(2):
            self._config(host)
            self.start_bridge(host)

    def _networks(self):
        made = [self.world.program("network", "unshare", "-n", "sleep", "infinity") for _ in "abc"]
        ours = os.readlink("/proc/self/ns/net")
        for one in made:
            link = pathlib.Path(f"/proc/{one.process.pid}/ns/net")
            self.world.until(lambda link=link: os.readlink(link) != ours, "a network")
        self.networks = made
        for host in range(2):
            peer = ["peer", "name", "bus", "netns", str(made[host].process.pid)]
            self.ip(2, "link", "add", "name", f"host-{host}", "type", "veth", *peer)
            for network, name, last in ((2, f"host-{host}", 1), (host, "bus", 2)):
                self.ip(network, "address", "add", f"10.0.{host}.{last}/24", "dev", name)
                self.ip(network, "link", "set", "dev", name, "up")

    def _hold_port(self):
        """Of the loopback: also while no bus runs it is no other test's. Both reuse it."""
        self.port_holder = socket.socket()
        self.port_holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port_holder.bind(("127.0.0.1", 0))
        self.port = self.port_holder.getsockname()[1]

    def _inside(self, network):
        if not self.networks:
            return []
        return ["nsenter", "-t", str(self.networks[network].process.pid), "-n"]

    def ip(self, network, *words):
        subprocess.run([*self._inside(network), "ip", *words], check=True)

    def link(self, is_up):
        """Cut host b from the bus, or all from it; or mend that."""
        if self.networks:
            self.ip(2, "link", "set", "dev", "host-1", "up" if is_up else "down")
        elif is_up:
            self.bus.process.send_signal(signal.SIGCONT)
        else:
            pause(self.bus.process.pid)

    # --- What can be killed ---------------------------------------------------------------------

    def start_bus(self):
        folder = self.world.folder / "bus"
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.ports"):
            old.unlink()
        assert NATS.exists(), "nats-server is missing: ./setup.sh test"
        where = "0.0.0.0" if self.networks else "127.0.0.1"
        self.bus = self.world.program(
            "bus", *self._inside(2), NATS, "-a", where, "-p", self.port, "-js",
            "-sd", folder / "store", "--ports_file_dir", folder,
        )  # fmt: skip
        self.world.until(lambda: self._serves(folder), "the bus serves")

    def _serves(self, folder):
        for file in folder.glob("*.ports"):
            try:
                self.port = int(json.loads(file.read_text())["nats"][0].rsplit(":", 1)[1])
                return True
            except (ValueError, KeyError, IndexError):
                pass
        self.bus.still_runs()
        return False

    def _config(self, host):
        other = 1 - host
        address = f"10.0.{host}.1" if self.networks else "127.0.0.1"
        self._path(host).write_text(
            f"region = r\nhost = {'ab'[host]}\nurl = nats://{address}:{self.port}\n"
            f"socket = {self.servers[host].socket}\nstate = {self.world.folder}/state.{host}\n"
            f"local {host} = {self.names[host]}\nslot {other} = {'ab'[other]}/{self.names[other]} "
            f"{self.mode} socket={self.servers[host].bound[other]}\n" + self.more
        )

    def _path(self, host):
        return self.world.folder / f"bridge.{host}.conf"

    def start_bridge(self, host):
        words = [*self._inside(host), BUILD / "host" / "ivsh-bridge", "--config", self._path(host)]
        self.bridges[host] = self.world.program(f"bridge {'ab'[host]}", *words)
        self.bridges[host].expect("event=ready")

    def end(self, program):
        """Kill it, and forget it: another one takes its place."""
        program.kill()
        self.world.programs.remove(program)

    # --- Guests, and what can be seen of them ---------------------------------------------------

    def guest(self, host, command, **keywords):
        """The guest of a host. Its name there is its own, elsewhere that of the configuration."""
        server = self.servers[host]
        if self.is_split[host]:
            device = split.words(split.Served(server, SLOTS), host, placed=True)
        else:
            device = doorbell(server.bound[host])
        return self.world.guest(f"guest {'ab'[host]}", command, *device, **keywords)

    def status(self, host):
        """The counters of a host's bridge, of its one pair."""
        words = [BUILD / "host" / "ivsh-bridge", "--config", self._path(host), "--status"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
        pair = re.search(r"^pair (.*)$", done.stdout, re.MULTILINE)[1]
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)(?: |$)", pair)}

    def full(self, host):
        """How often the guest of a host found no room."""
        words = [BUILD / "host" / "ivsh", "-S", self.servers[host].socket, "info"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
        return int(re.search(rf"^ +{host} +\w+ .*$", done.stdout, re.MULTILINE)[0].split()[7])

    def kilobytes(self, host):
        """The memory that a host's bridge has."""
        status = pathlib.Path(f"/proc/{self.bridges[host].process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1])
