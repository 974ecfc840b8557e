# SPDX-License-Identifier: MIT
"""qemu.py - guests, servers and scripts of one test: started, listened to, and ended.

Every wait has a deadline, and ends as soon as its condition holds. A failure prints the output of
every program that the test started.
"""

import contextlib
import fcntl
import mmap
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

from machine import BUILD, MACHINES, ROOT, TCG, X86_64, ram_first

SOAK = bool(os.environ.get("IVSH_SOAK"))

LIMIT = 30.0  # seconds after which what was awaited counts as missing

# firmware/app/status.h; TRAP: lib/bare/arch.h. A guest's done() takes them as they are.
DONE, FAILED, USAGE, NO_DEVICE, NO_PEER, TIMEOUT, STOPPED, NO_FILES, NO_ROOM = range(9)
TRAP = 100

# Nothing outlives the tests, however they end.
LEASH = [shutil.which("setpriv"), "--pdeathsig", "TERM"]
# What of an output is not the program's: a terminal's escapes, and AAVMF's first line.
ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\r|\0|^UEFI firmware \(version .*\n", re.MULTILINE)


class Program:
    """
    A running program, and all that it has printed. machine: it is a guest's QEMU. verdict: the
    guest says how it ended.
    """

    def __init__(self, world, name, argv, machine=None, verdict=False, **popen):
        self.world, self.name, self.argv = world, name, [str(word) for word in argv]
        self.machine, self.verdict = machine, verdict
        self.output = bytearray()
        self.ended = False
        self.more = threading.Condition()
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*LEASH, *self.argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **popen,
        )
        # A guest gives up bytes that its console does not take (lib/bare/x86_64/com1.c): where this
        # process has no processor for a while, the pipe takes them.
        with contextlib.suppress(OSError):  # a user may have so many
            fcntl.fcntl(self.process.stdout, fcntl.F_SETPIPE_SZ, 1 << 20)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while data := self.process.stdout.read1(65536):
            with self.more:
                self.output += data
                self.more.notify_all()
        with self.more:
            self.ended = True
            self.more.notify_all()

    @property
    def text(self):
        """The program's output, without a terminal's escape sequences."""
        return ESCAPES.sub("", self.output.decode(errors="replace"))

    @property
    def lines(self):
        return self.text.splitlines()

    def fail(self, what):
        raise AssertionError(f"{self.name}: {what}\n{self.world.report()}")

    def expect(self, pattern, after=0, seconds=LIMIT, whole_lines=True):
        """The match of (pattern) in what is printed from character (after) on, waited for."""
        expression, end = re.compile(pattern, re.MULTILINE), time.monotonic() + seconds
        with self.more:
            while True:
                text = self.text
                if whole_lines and not self.ended:
                    text = text[: text.rfind("\n") + 1]
                found = expression.search(text, after)
                if found:
                    return found
                left = end - time.monotonic()
                if self.ended:
                    self.fail(f"ended without {pattern!r}")
                if left <= 0:
                    self.fail(f"timeout: no {pattern!r} after {seconds:.0f} s")
                self.more.wait(left)

    def status(self, seconds=LIMIT):
        """Its exit status, waited for."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.fail(f"timeout: still runs after {seconds:.0f} s")
        self.reader.join(LIMIT)
        return status

    def own_status(self):
        """A guest's exit status, which QEMU's stands for; a process' is its own."""
        status = self.status()
        own = self.machine.value(status) if self.machine else status
        if own is None:
            self.fail(f"ended with status {status}, which no guest has")
        return own

    def done(self, want=0, seconds=LIMIT):
        """
        Wait for its end; its output. Fails when the exit status, of a guest its own, is not (want);
        when that is 0, also if a guest does not say so itself in its last line: QEMU ends with 0
        after a crash, too.
        """
        status = self.status(seconds)
        if status != (self.machine.status(want) if self.machine else want):
            self.fail(f"ended with status {status}, for {want}")
        if not self.verdict:
            return self.text
        text, end = re.fullmatch(r"((?:.*\n)*?)(exit: \d+\n)?", self.text).groups()
        if end != f"exit: {want}\n" and (want == 0 or end):
            self.fail(f"ended with status {status}, and says {end!r} itself")
        return text

    def is_alive(self):
        return self.process.poll() is None

    def processor_seconds(self):
        """The processor time that it has used so far, user and system. proc(5), stat."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        ticks = stat.rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def pin(self, processor):
        """Keep it, and the threads that it will start, on one of the host's processors."""
        for _ in range(2):  # a thread that was being started inherits what its parent had
            for task in sorted(pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()):
                with contextlib.suppress(ProcessLookupError):  # a thread that has ended meanwhile
                    os.sched_setaffinity(int(task.name), {processor})

    def still_runs(self):
        if not self.is_alive():
            self.fail(f"ended early, with status {self.process.returncode}")

    def type(self, text):
        """Write to its serial line."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def kill(self, sig=signal.SIGKILL):
        if self.is_alive():
            self.process.send_signal(sig)
        status = self.status()
        with contextlib.suppress(BrokenPipeError):  # what was typed as it ended
            self.process.stdin.close()
        self.process.stdout.close()
        return status


class Server(Program):
    """A running ivsh-server. socket: the common one; bound[i]: that of slot i."""

    def __init__(self, world, name, *arguments, slots=8, bind=0, vectors=2, size="4M"):
        self.socket = world.folder / f"{name}.sock"
        self.bound = [world.folder / f"{name}.{i}.sock" for i in range(bind)]
        words = [BUILD / "host" / "ivsh-server", "-F", "-S", self.socket, "-l", size]
        words += ["-n", vectors, "--slots", slots, *arguments]
        for i, path in enumerate(self.bound):
            words += ["--slot", f"{i}={path}"]
        super().__init__(world, name, words)
        self.ready = self.expect(r"event=ready.*")[0]

    def memory(self):
        """The shared memory, mapped for reading."""
        with open(re.search(r"memory=(\S+)", self.ready)[1], "rb") as file:
            return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    @property
    def folder(self):
        """Of a split region, with its common memory and its parts."""
        return pathlib.Path(re.search(r"memory=(\S+)", self.ready)[1])

    @property
    def serving(self):
        """The process that serves, at this moment."""
        lines = re.findall(r"event=(?:ready|takeover) .*", self.text)
        return int(re.search(r"\bserver=(\d+)", lines[-1])[1])

    def kill(self, sig=signal.SIGKILL):
        """(sig) to the supervisor; SIGKILL to both, as if the machine lost its power."""
        if sig == signal.SIGKILL and self.is_alive():
            self.process.send_signal(signal.SIGSTOP)  # or it starts another
            os.kill(self.serving, sig)
        return super().kill(sig)

    def stop(self):
        """End it as an operator does: it must succeed and take its sockets along."""
        status = self.kill(signal.SIGTERM)
        if status != 0:
            self.fail(f"SIGTERM: status {status}")
        for path in [self.socket, *self.bound]:
            if path.exists():
                self.fail(f"left {path} behind")


class World:
    """Everything that one test starts, in a folder of its own. arch: of guests without another."""

    def __init__(self, folder, accelerator=TCG, arch="x86_64"):
        self.folder, self.accelerator, self.arch = folder, accelerator, arch
        self.programs = []

    def add(self, program):
        self.programs.append(program)
        return program

    def server(self, *arguments, name="server", **keywords):
        return self.add(Server(self, name, *arguments, **keywords))

    def guest(
        self, name, command, *device,
        arch=None, machine=None, ram=None, uefi=False, image="ivsh",
    ):  # fmt: skip
        """
        Boot a guest that runs (command). device: QEMU's words, from doorbell() or plain(). machine:
        in place of the architecture's usual one; a later -smp in it replaces the first one.
        image: its name in the architecture's folder of build/.
        """
        kind = MACHINES[arch or self.arch]
        words = [*kind.words(), *self.accelerator, *(machine.split() if machine else kind.board)]
        ram = ram or (kind.uefi_ram if uefi else 64)
        migrated = any("master=on" in str(word) for word in device)
        words += [*(ram_first(ram) if migrated else ["-m", ram]), *device]
        if uefi:
            words += ["-bios", kind.firmware, "-kernel", kind.efi(image)]
        else:
            words += ["-kernel", kind.image(image)]
        verdict = image == "ivsh"
        if verdict:
            command = f"--exit=verdict {command}"
        words += ["-append", command]
        return self.add(Program(self, name, words, kind, verdict))

    def program(self, name, *words, **popen):
        return self.add(Program(self, name, words, **popen))

    def script(self, *words, env=None):
        """run-qemu.sh; the folder that it makes is in ours."""
        env = {**os.environ, "TMPDIR": str(self.folder), **(env or {})}
        # Who started the tests in the background has them ignore SIGINT.
        if self.arch != "x86_64" and "--arch" not in words and "cross" not in words:
            words = [*words, "--arch", self.arch]
        words = ["env", "--default-signal=INT", ROOT / "run-qemu.sh", *words]
        return self.add(Program(self, "run-qemu.sh", words, env=env))

    def until(self, condition, what, seconds=LIMIT):
        """Wait for a state of the shared memory, which has no event to wait for."""
        end = time.monotonic() + seconds
        while not condition():
            late = f"timeout: {what}: not in {seconds:.0f} s"
            assert time.monotonic() < end, f"{late}\n{self.report()}"
            time.sleep(0.005)

    def report(self):
        """The command and the output of each program: what a failure shows."""
        parts = []
        for p in self.programs:
            took = f"{time.monotonic() - p.began:.1f} s ago"
            state = "runs" if p.is_alive() else f"status {p.process.returncode}"
            parts.append(f"--- {p.name}: started {took}, {state}: {' '.join(p.argv)}\n{p.text}")
        return "\n".join(parts)

    def left(self):
        """Processes that have this folder in their command line: (pid, command) of each."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in command and int(path.parent.name) != os.getpid():
                found.append((int(path.parent.name), command))
        return found

    def close(self):
        """End what still runs: guests first, so that no server sees them die by itself."""
        for program in self.programs:
            if not isinstance(program, Server):
                script = program.name == "run-qemu.sh"
                program.kill(signal.SIGTERM if script else signal.SIGKILL)
        for program in self.programs:
            if isinstance(program, Server) and program.is_alive():
                program.stop()
        assert not self.left(), f"left behind: {self.left()}\n{self.report()}"


def doorbell(socket, vectors=2, key="ivsh", where=""):
    """QEMU's words for an ivshmem-doorbell. where: ",bus=..." and the like."""
    return [
        "-chardev", f"socket,id={key},path={socket}",
        "-device", f"ivshmem-doorbell,chardev={key},vectors={vectors}{where}",
    ]  # fmt: skip


def notifications(text, command):
    """The line in which a command says how it waited: {what: count}, and its mode."""
    found = re.search(
        rf"^{command}: wait (?P<mode>\w+), (?P<vectors>\d+) vectors?: "
        r"notifications sent (?P<sent>\d+), suppressed (?P<suppressed>\d+); "
        r"woken by doorbell (?P<doorbell>\d+), by timer (?P<timer>\d+) "
        r"\(missed (?P<missed>\d+)\)$",
        text,
        re.MULTILINE,
    )
    assert found, f"{command} says nothing about notifications:\n{text}"
    return {key: value if key == "mode" else int(value) for key, value in found.groupdict().items()}


def plain(memory, key="mem", where=""):
    """QEMU's words for an ivshmem-plain over the file (memory)."""
    size = os.stat(memory).st_size
    return [
        "-object", f"memory-backend-file,id={key},share=on,mem-path={memory},size={size}",
        "-device", f"ivshmem-plain,memdev={key}{where}",
    ]  # fmt: skip
