# SPDX-License-Identifier: MIT
"""ends.py - the two ends of a traffic: a guest that migrates and is restored, and its peer.

Both run the program traffic (traffic.h). The guest does so in one QEMU after the other: a Machine
has the words that all of them have in common, and follows the guest from each to the next.
"""

import contextlib
import re
import signal
import time

from machine import AARCH64, RISCV64, TCG, X86_64, ram_first
from memory import memory_file
from pause import pause
from qemu import BUILD, LIMIT
from qmp import Qmp, qmp_words

HOST = BUILD / "host" / "traffic"
SIZE = 4 << 20
LATE = 64  # messages of another time that an end may take before it finds the move: SPEC 5

RAM = ram_first(32)

NATIVE = "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"
PORT = "-device pcie-root-port,id=slot1,chassis=1,slot=1,pref64-reserve=64M,bus=pcie.0"
# The architecture, the words of each machine, and the bus of a device that can be unplugged.
MACHINES = {
    "pc": (X86_64, "-M pc", "pci.0"),
    "q35": (X86_64, f"-M q35 {PORT}", "slot1"),
    "q35 native": (X86_64, f"-M q35 {NATIVE} {PORT}", "slot1"),
    "microvm": (X86_64, f"-M microvm,pcie=on,acpi=on {PORT}", "slot1"),
    "aarch64": (AARCH64, f"-M virt,gic-version=2 -cpu cortex-a72 {PORT}", "slot1"),
    "aarch64 gicv3": (AARCH64, f"-M virt,gic-version=3 -cpu max {PORT}", "slot1"),
    "riscv64": (RISCV64, f"-M virt,aia=aplic-imsic -bios none {PORT}", "slot1"),
}


class End:
    """One end. program: the one that has its output now."""

    def __init__(self, name, program):
        self.name, self.program = name, program

    def keys(self, keys):
        try:
            self.program.type(keys)
        except BrokenPipeError:
            with contextlib.suppress(BrokenPipeError):
                self.program.process.stdin.close()  # or the end of the test trips over it
            self.program.fail("has ended")

    def ask(self):
        """Its report: ({slot of the other: the flow's numbers}, the numbers of its state)."""
        start = len(self.program.text)
        self.keys("r")
        self.program.expect(rf"^state name={self.name} .*$", start)
        text = self.program.text[start:]
        flows = [numbers(line) for line in re.findall(r"^flow (.*)$", text, re.MULTILINE)]
        state = numbers(re.search(r"^state (.*)$", text, re.MULTILINE)[1])
        return {flow["to"]: flow for flow in flows}, state

    def attached(self, after=0, seconds=LIMIT):
        """Wait until it has attached; the numbers that it says then."""
        line = rf"^attached name={self.name} (.*)$"
        return numbers(self.program.expect(line, after, seconds)[1])

    def until(self, condition, what, seconds=LIMIT):
        """Ask until (condition) of the answer holds; that answer."""
        end = time.monotonic() + seconds
        while True:
            answer = self.ask()
            if condition(*answer):
                return answer
            if time.monotonic() >= end:
                self.program.fail(f"timeout: {what}: not in {seconds:.1f} s: {answer}")
            time.sleep(0.01)

    def flows_from(self, slot, count=50, seconds=LIMIT):
        """Wait until (count) more messages have come from (slot)."""
        taken = self.ask()[0][slot]["taken"]
        return self.until(
            lambda flows, _: flows[slot]["taken"] >= taken + count, f"messages of {slot}", seconds
        )

    def quit(self):
        self.keys("q")
        self.program.expect(f"^over name={self.name}$")


def numbers(line):
    """{key: number} of a line of key=number."""
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)(?: |$)", line)}


class Machine(End):
    """A guest: what its QEMUs have in common. kind: of MACHINES. words: "size=64" and the like."""

    def __init__(self, world, name, slot, words="", kind="q35", disk=None):
        super().__init__(name, None)
        self.world, self.slot, self.kind, self.disk = world, slot, kind, disk
        self.command = f"name={name} slot={slot} {words}"
        self.count = 0
        self.qmp = None

    @property
    def bus(self):
        return MACHINES[self.kind][2]

    def launch(self, device, *more):
        """Start a QEMU with (device); the others of this machine are left alone: (program, qmp)."""
        self.count += 1
        label = f"{self.name}.{self.count}"
        path = self.world.folder / f"{label}.qmp"
        machine, board, _ = MACHINES[self.kind]
        words = [*machine.words(reboot=True), *RAM, *TCG, *board.split(), *qmp_words(path)]
        if machine is AARCH64 or self.kind == "microvm":
            words += ["-fw_cfg", f"name=opt/ivsh/generation,string={label}"]
        elif machine is X86_64:  # riscv64 has nothing that says so
            words += ["-device", "vmgenid,guid=auto"]
        if self.disk:
            words += ["-drive", f"if=none,id=disk,format=qcow2,file={self.disk}"]
        words += ["-kernel", machine.image("traffic"), "-append", self.command, *device, *more]
        program = self.world.program(label, *words)
        return program, Qmp(path)

    def start(self, device, *more):
        self.program, self.qmp = self.launch(device, *more)
        return self

    def move(self, device, keep=False, paused=False):
        """
        Migrate to a QEMU with (device). The old one ends; keep: it stays, stopped: (program, qmp).
        paused: the guest goes on in the new one at "cont".
        """
        old, source = self.program, self.qmp
        path = self.world.folder / f"{self.name}.{self.count + 1}.migration"
        more = ["-S"] if paused else []
        self.program, self.qmp = self.launch(device, "-incoming", f"unix:{path}", *more)
        # QEMU listens before it answers on its QMP socket.
        source.migrate(f"unix:{path}")
        if not paused:
            self.qmp.running()
        if keep:
            return old, source
        source.quit()
        old.status()
        return None

    def end(self):
        """End the QEMU that runs."""
        self.qmp.quit()
        self.program.status()

    @contextlib.contextmanager
    def stopped(self):
        self.qmp.command("stop")
        yield
        self.qmp.command("cont")


class Process(End):
    """A host process. (place): ("socket", PATH) or ("file", PATH)."""

    def __init__(self, world, name, slot, place, words=""):
        self.slot = slot
        words = [f"name={name}", f"slot={slot}", f"{place[0]}={place[1]}", *words.split()]
        super().__init__(name, world.program(name, HOST, *words))

    @contextlib.contextmanager
    def stopped(self):
        pause(self.program.process.pid)
        try:
            yield
        finally:
            self.program.process.send_signal(signal.SIGCONT)


def plain(memory, master=True, key="mem", where="", size=SIZE):
    return [
        "-object", f"memory-backend-file,id={key},share=on,mem-path={memory},size={size}",
        "-device", f"ivshmem-plain,id=ivsh,memdev={key},master={'on' if master else 'off'}{where}",
    ]  # fmt: skip


def doorbell(socket, master=False, key="chr", where="", vectors=2):
    return [
        "-chardev", f"socket,id={key},path={socket}",
        "-device",
        f"ivshmem-doorbell,id=ivsh,chardev={key},vectors={vectors},"
        f"master={'on' if master else 'off'}{where}",
    ]  # fmt: skip


def new_memory(folder, name):
    return memory_file(folder, size=SIZE, name=name)


class Verdict:
    """What a round has shown. problems: lines, none of which may be there."""

    def __init__(self):
        self.problems = []
        self.sums = {}

    def add(self, key, value):
        self.sums[key] = self.sums.get(key, 0) + value

    def __str__(self):
        sums = " ".join(f"{key}={value}" for key, value in sorted(self.sums.items()))
        return " ".join([sums, *(f"[{problem}]" for problem in self.problems)])


def settle(ends, seconds=LIMIT):
    """
    Let all stop sending, and wait until every pair of them agrees on the numbers; the reports.
    """
    for end in ends:
        end.keys("s")
    until = time.monotonic() + seconds
    while True:
        reports = [end.ask() for end in ends]
        agree = all(
            reports[i][0][b.slot]["next"] == reports[j][0][a.slot]["want"]
            for i, a in enumerate(ends)
            for j, b in enumerate(ends)
            if a is not b
        )
        if agree or time.monotonic() >= until:
            return reports
        time.sleep(0.01)


def judge(ends, before, after, late=0):
    """
    A Verdict: no wrong byte, and nothing missing, or out of order, that was not reported to both
    sides. before, after: reports of each end. late: how often that may come first, and its report
    only then.
    """
    verdict = Verdict()
    for i, sender in enumerate(ends):
        for j, receiver in enumerate(ends):
            if sender is receiver:
                continue
            name = f"{sender.name} to {receiver.name}"
            out, out_was = after[i][0][receiver.slot], before[i][0][receiver.slot]
            come, come_was = after[j][0][sender.slot], before[j][0][sender.slot]
            new = {key: come[key] - come_was[key] for key in come}
            reported = (out["lost"] - out_was["lost"], new["lost"])
            for key in ("wrong", "missing", "repeated", "rewound", "again", "silent"):
                verdict.add(key, new[key])
            verdict.add("sent", out["sent"] - out_was["sent"])
            if new["wrong"]:
                verdict.problems.append(f"{name}: {new['wrong']} wrong")
            if new["silent"] > (late if all(reported) else 0):
                verdict.problems.append(f"{name}: {new['silent']} silent")
            if out["next"] != come["want"]:
                verdict.problems.append(f"{name}: next {out['next']}, want {come['want']}")
            if (new["missing"] or new["repeated"] or new["rewound"]) and not all(reported):
                verdict.problems.append(
                    f"{name}: missing {new['missing']}, repeated {new['repeated']}, rewound"
                    f" {new['rewound']}; reported to sender and receiver: {reported}"
                )
    return verdict


class Place:
    """A path that stands for one memory file, or socket, and later for another."""

    def __init__(self, folder, *paths):
        self.path, self.paths, self.now = folder / "place", paths, 0
        self.path.symlink_to(paths[0])

    def other(self):
        """The next of the paths; it is not the place yet."""
        return self.paths[(self.now + 1) % len(self.paths)]

    def switch(self):
        self.now = (self.now + 1) % len(self.paths)
        self.path.unlink()
        self.path.symlink_to(self.paths[self.now])


def flow_both(a, b, seconds=LIMIT):
    """Wait until messages go both ways."""
    a.flows_from(b.slot, seconds=seconds)
    b.flows_from(a.slot, seconds=seconds)


def go(*ends):
    """Let all send; their reports, once messages go each way. The longest stall begins anew."""
    for end in ends:
        end.keys("g")
    for end in ends:
        for other in ends:
            if end is not other:
                end.flows_from(other.slot)
    for end in ends:
        end.keys("z")
    return [end.ask() for end in ends]


def follow(peer, place):
    """Let a host process close what it has, and attach to what the place is now."""
    start = len(peer.program.text)
    peer.keys("c")
    place.switch()
    peer.keys("a")
    return peer.attached(start)


def none_lost(verdict, before, after):
    """Add to the verdict: nothing is missing, comes again, or is reported as lost."""
    for key in ("missing", "again", "repeated", "rewound"):
        if verdict.sums[key]:
            verdict.problems.append(f"{key} {verdict.sums[key]}")
    for was, now in zip(before, after):
        for slot, flow in now[0].items():
            if flow["lost"] != was[0][slot]["lost"]:
                verdict.problems.append(f"slot {slot}: LOST {flow['lost'] - was[0][slot]['lost']}")


def first_to_lose(world, marks, seconds=LIMIT):
    """(the program that says first that it lost its slot, after how long)"""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        for program, mark in marks.items():
            if "lost-slot" in program.text[mark:]:
                return program, time.monotonic() - began
        time.sleep(0.005)
    raise AssertionError(f"nobody lost the slot\n{world.report()}")
