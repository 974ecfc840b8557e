# SPDX-License-Identifier: MIT
"""test_script.py - run-qemu.sh: bad input, its verdict, and where it is started.

Of any error it prints a line and answers an exit status, and leaves no file and no process.
"""

import os
import re
import shutil
import signal
import subprocess

import pytest

from qemu import ROOT

FOREIGN = "riscv64" if os.uname().machine != "riscv64" else "aarch64"

# (words, status, line)
SCRIPT = {
    "demo": (["frob"], 2, "frob: no such demo or option; try --help"),
    "option": (["--frob"], 2, "--frob: no such demo or option; try --help"),
    "no value": (["--guests"], 2, "--guests: needs a value"),
    "guests 1": (["--guests", "1"], 2, "--guests 1: a number from 2 to 8"),
    "guests 9": (["--guests", "9"], 2, "--guests 9: a number from 2 to 8"),
    "guests x": (["--guests", "x"], 2, "--guests x: a number from 2 to 8"),
    "guests 0x3": (["--guests", "0x3"], 2, "--guests 0x3: a number from 2 to 8"),
    "vectors 65": (["--vectors", "65"], 2, "--vectors 65: a number from 1 to 64"),
    "timeout 0": (["--timeout", "0"], 2, "--timeout 0: a number from 1 to 86400"),
    "ram": (["--ram", "-5"], 2, "--ram -5: a number from 16 to 65536"),
    "memory 3M": (["--memory", "3M"], 2, "--memory 3M: BAR2 wants a power of two of at least 4K"),
    "memory 1K": (["--memory", "1K"], 2, "--memory 1K: BAR2 wants a power of two of at least 4K"),
    "memory 0": (["--memory", "0"], 2, "--memory 0: BAR2 wants a power of two of at least 4K"),
    "memory x": (["--memory", "4X"], 2, "--memory 4X: a number with K, M or G"),
    "memory ''": (["--memory", ""], 2, "--memory : a number with K, M or G"),
    "accel": (["--accel", "xen"], 2, "--accel xen: tcg or kvm"),
    "arch": (["--arch", "mips"], 2, "--arch mips: x86_64, aarch64 or riscv64"),
    "arch ''": (["--arch", ""], 2, "--arch : x86_64, aarch64 or riscv64"),
    "arch that is a command": (
        ["--arch", "x[$(id >&2)]"], 2, r"--arch x\[\$\(id >&2\)\]: x86_64, aarch64 or riscv64",
    ),
    "no UEFI": (
        ["uefi", "--arch", "riscv64"], 2,
        "uefi: this script boots no firmware on riscv64: take bare or plain",
    ),
    "no mixed": (
        ["--arch", "riscv64", "mixed"], 2,
        "mixed: this script boots no firmware on riscv64: take bare or plain",
    ),
    "no linux": (
        ["linux", "--arch", "aarch64"], 2, "linux: the guest with Linux is an x86_64 one",
    ),
    "no split, linux": (
        ["linux", "--split"], 2,
        "--split: the guest with Linux opens one device by VFIO, and a split region has several",
    ),
    "no split, huge pages": (
        ["--split", "hugepages"], 2,
        "--split: the parts are files that QEMU opens, and no huge pages",
    ),
    "memory for parts": (
        ["split", "--memory", "16K"], 1,
        "the server ended: .*16384 bytes are too few for 8 slots: .*",
    ),
    "linux, ram": (["linux", "--ram", "127"], 2, "--ram 127: Linux boots with 128 MiB or more"),
    "linux, --": (
        ["linux", "--command", "echo -- 1", "--command", "send alpha -- -5"], 2,
        "--command send alpha -- -5: Linux hands its programs no word behind a --",
    ),
    "cross, arch": (
        ["cross", "--arch", "aarch64"], 2,
        "--arch aarch64: the demo cross has a guest of each architecture",
    ),
    "cross, guests": (
        ["cross", "--guests", "4"], 2,
        "--guests 4: the demo cross has three, and one of the host",
    ),
    "bridge, guests": (
        ["bridge", "--guests", "3"], 2, "--guests 3: the demo bridge has two guests",
    ),
    "bridge, mode": (["bridge", "fast"], 2, "bridge fast: core or jetstream"),
    "bridge, split": (
        ["bridge", "--split"], 2, "--split: the demo bridge has two regions that are not split",
    ),
    "KVM for another": (
        ["--accel", "kvm", "--arch", FOREIGN], 2,
        f"--accel kvm: KVM on {os.uname().machine} runs no {FOREIGN} guests",
    ),
    "KVM for all": (
        ["cross", "--accel", "kvm"], 2,
        f"--accel kvm: KVM on {os.uname().machine} runs no .* guests",
    ),
    "memory for a server": (
        ["--memory", "4K"], 1, "the server ended: .*4096 bytes are too few for 8 slots: .*",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SCRIPT)
def test_script(world, what):
    words, status, line = SCRIPT[what]
    script = world.script("--no-build", *words)
    said = [text for text in script.done(status).splitlines() if not text.startswith("+ ")]
    assert len(said) == 1 and re.fullmatch(f"run-qemu.sh: {line}", said[0]), script.text
    assert list(world.folder.iterdir()) == []


def test_script_linux_elsewhere(world, tmp_path_factory):
    """The guest with Linux runs this machine's ivsh: on another machine nothing is started."""
    path = tmp_path_factory.mktemp("path")
    (path / "uname").write_text("#!/bin/sh\necho aarch64\n")
    (path / "uname").chmod(0o755)
    script = world.program(
        "run-qemu.sh", ROOT / "run-qemu.sh", "linux", "--no-build",
        env={"PATH": f"{path}:{os.environ['PATH']}", "TMPDIR": str(world.folder)},
    )  # fmt: skip
    assert script.done(2) == (
        "run-qemu.sh: linux: that guest runs this machine's ivsh, which is one of aarch64\n"
    )
    assert list(world.folder.iterdir()) == []


def test_script_memory_for_guests(world):
    """Without a server the guests say it, each at once, and the script fails."""
    script = world.script("plain", "--no-build", "--memory", "4K", "--command", "recv")
    text = script.done(1)
    for slot in range(2):
        assert f"[{slot}] ivsh: device 00:01.0: the memory has 4096 bytes, " in text
    assert ": 0 of 2 guests done and verified, " in text.splitlines()[-1]
    assert list(world.folder.iterdir()) == []


PACKAGES = {
    "x86_64": ("run", "qemu-system-x86"),
    "aarch64": ("aarch64", "qemu-system-arm"),
    "riscv64": ("riscv64", "qemu-system-misc (Debian 12), qemu-system-riscv (13)"),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_script_without_qemu(world, tmp_path_factory, name):
    """A PATH that has what the script needs before it looks for QEMU, and no QEMU."""
    setup, package = PACKAGES[name]
    path = tmp_path_factory.mktemp("path")
    (path / "dirname").symlink_to(shutil.which("dirname"))
    script = world.program(
        "run-qemu.sh", ROOT / "run-qemu.sh", "--no-build", "--arch", name,
        env={"PATH": str(path), "TMPDIR": str(world.folder)},
    )  # fmt: skip
    assert script.done(1) == (
        f"run-qemu.sh: qemu-system-{name} is missing: ./setup.sh {setup}, "
        f"or apt install {package}\n"
    )
    assert list(world.folder.iterdir()) == []


def test_script_help(world):
    assert world.script("--help").done().startswith("usage: ./run-qemu.sh [DEMO] [OPTION...]\n")


# --- The verdict ------------------------------------------------------------------------------

CRASH = ["--qemu-args", "-cpu qemu32"]  # no long mode: a triple fault, and QEMU ends with 0


def check_count(world, script, good, status, seconds=90):
    """The printed count and the status, which must agree; nothing is left."""
    text = script.done(status, seconds=seconds)
    assert f": {good} of 2 guests done and verified, " in text.splitlines()[-1], text
    assert list(world.folder.iterdir()) == [] and world.left() == []
    return text


# (words, how many guests are done)
VERDICTS = {
    "bare, crash": (["bare", *CRASH], 0),
    "plain, crash": (["plain", *CRASH], 0),
    "mixed, crash": (["mixed", *CRASH], 0),
    "uefi, crash": (["uefi", *CRASH], 0),
    "uefi, little memory": (["uefi", "--ram", "16", "--timeout", "30"], 0),
    "bare, command, crash": (["bare", "--command", "help", *CRASH], 0),
    "bare, no command": (["bare", "--command", "frob"], 0),
    "plain, no command": (["plain", "--command", "frob"], 0),
    "plain, one fails": (["plain", "--command", "info", "--command", "frob"], 1),
    "mixed, bare fails": (["mixed", "--command", "frob", "--command", "info"], 1),
    "mixed, uefi fails": (["mixed", "--command", "info", "--command", "send 5 x --timeout=1"], 1),
    "aarch64, 32 bits": (["plain", "--arch", "aarch64", "--qemu-args", "-cpu cortex-a15"], 0),
    "aarch64, one fails": (
        ["plain", "--arch", "aarch64", "--command", "info", "--command", "frob"], 1,
    ),
    "riscv64, one fails": (
        ["plain", "--arch", "riscv64", "--command", "frob", "--command", "info"], 1,
    ),
    "text is no verdict": (
        ["plain", "--command", "recv --count=2 --timeout=2", "--command", "send 0 exit: 0"], 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", VERDICTS)
def test_verdict(world, what):
    """A guest that crashes, never runs or fails does not count."""
    words, good = VERDICTS[what]
    text = check_count(world, world.script("--no-build", *words), good, 1)
    assert len(re.findall(r"^run-qemu\.sh: guest \d: failed \(", text, re.MULTILINE)) == 2 - good


@pytest.mark.parametrize("bad", range(4))
def test_verdict_cross(world, bad):
    """One of the four fails, of which the last is the host's."""
    words = [word for i in range(4) for word in ("--command", "frob" if i == bad else "info")]
    text = world.script("cross", "--no-build", *words).done(1, seconds=60)
    assert ": cross: 3 of 4 peers done and verified, " in text.splitlines()[-1], text
    who = "ivsh's status 2" if bad == 3 else "QEMU's status 5" if bad == 0 else "QEMU's status 2"
    assert f"run-qemu.sh: guest {bad}: failed ({who}); its last lines:\n" in text
    assert list(world.folder.iterdir()) == [] and world.left() == []


def test_verdict_huge_pages(world):
    script = world.script("hugepages", "--no-build", "--command", "frob")
    if script.status(60) == 77:
        pytest.skip(script.text.strip())
    check_count(world, script, 0, 1)


VERIFIED = (
    "demo: slot {0} ({1}): sent 533324 bytes in 64 messages, received 533324 bytes in 64: "
    "every byte verified"
)

# The output of a QEMU that ends with 0; how many guests are done. {0} is the slot, {1} the name.
SAYINGS = {
    "done": ([VERIFIED, "exit: 0"], 2),
    "nothing": ([], 0),
    "ended, not verified": (["exit: 0"], 0),
    "verified, not ended": ([VERIFIED], 0),
    "failed": ([VERIFIED, "exit: 1"], 0),
    "too few": ([VERIFIED.replace("64", "63"), "exit: 0"], 0),
    "another's": (["demo: slot 7 (x)" + VERIFIED[16:], "exit: 0"], 0),
    "a peer's text": ([f"slot 1 (x) says: {VERIFIED}", "slot 1 (x), port 1: exit: 0"], 0),
    "a peer's name": (["slot 1 (exit: 0)", f"slot 1 ({VERIFIED})"], 0),
    "behind it": ([VERIFIED + " not", "exit: 0 not"], 0),
}


def fake_qemu(folder, lines, end="exit 0"):
    """A PATH whose QEMU says (lines), and ends."""
    qemu = folder / "qemu-system-x86_64"
    said = "".join(f"echo '{line}'\n" for line in lines)
    said = said.replace("{0}", "'$slot'").replace("{1}", "'$name'")
    qemu.write_text(
        "#!/bin/sh\nname=${*##*--name=} name=${name%% *} slot=${*##*--slot=}\n" + said + end + "\n"
    )
    qemu.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("what", SAYINGS)
def test_verdict_said(world, tmp_path_factory, what):
    lines, good = SAYINGS[what]
    env = fake_qemu(tmp_path_factory.mktemp("path"), lines)
    check_count(world, world.script("plain", "--no-build", env=env), good, 0 if good == 2 else 1)


def test_hang(world, tmp_path_factory):
    """A QEMU that hangs and does not answer: who, and what it said last."""
    env = fake_qemu(
        tmp_path_factory.mktemp("path"), ["BdsDxe: loading Boot0001"], "trap '' TERM\nexec sleep 99"
    )
    text = check_count(world, world.script("uefi", "--no-build", "--timeout", "1", env=env), 0, 1)
    assert "run-qemu.sh: timeout: not done after 1 s\n" in text
    for guest in range(2):
        assert f"run-qemu.sh: guest {guest}: failed (QEMU's status 137); its last lines:\n" in text
        assert text.count(f"[{guest}] BdsDxe: loading Boot0001\n") == 2


def test_server_dies(world):
    script = world.script("--no-build", "--command", "echo")
    for guest in range(2):
        script.expect(rf"^\[{guest}\] echo: slot {guest} of 8 answers$")
    servers = [pid for pid, line in world.left() if line.startswith("build/host/ivsh-server ")]
    for pid in servers:
        os.kill(pid, signal.SIGSTOP)
    for pid in servers:
        os.kill(pid, signal.SIGKILL)
    text = check_count(world, script, 0, 1, seconds=20)
    assert "run-qemu.sh: the server ended before its guests; its last lines:\n" in text
    assert re.search(r"last lines:\n.*\bevent=", text), text


# --- Where it is started ----------------------------------------------------------------------


@pytest.mark.parametrize("demo", ["bare", "plain"])
def test_from_anywhere(world, tmp_path_factory, demo):
    """Through links, from another folder, with a caller's shell that is in the way."""
    there = tmp_path_factory.mktemp("there")
    (there / "first").symlink_to(ROOT / "run-qemu.sh")
    (there / "second").symlink_to("first")
    (there / "init").write_text("echo BASH_ENV; exit 9\n")
    (world.folder / "a b,c=d'").mkdir()
    env = {
        **os.environ,
        "TMPDIR": os.path.relpath(world.folder / "a b,c=d'", there),
        "CDPATH": f"{there}:/:{ROOT}",
        "BASH_ENV": str(there / "init"),
        "SHELLOPTS": "noexec",
        "BASH_FUNC_cd%%": "() { echo function; }",
        "BASH_FUNC_wait%%": "() { return 0; }",
        "IFS": "0e",
        "POSIXLY_CORRECT": "1",
    }
    script = world.program("run-qemu.sh", "./second", demo, "--no-build", cwd=there, env=env)
    text = script.done(seconds=60)
    assert ": 2 of 2 guests done and verified, " in text.splitlines()[-1], text
    assert "BASH_ENV" not in text and "function" not in text
    assert list((world.folder / "a b,c=d'").iterdir()) == []


def test_no_temporary_folder(world):
    text = world.script("--no-build", env={"TMPDIR": f"{world.folder}/missing"}).done(1)
    assert re.fullmatch(r"run-qemu\.sh: mktemp: .* \(TMPDIR says where\)\n", text), text


@pytest.mark.parametrize("how", ["size", "space"])
def test_no_room_for_memory(world, how):
    """No room for all of the memory: one line, before a guest gets SIGBUS."""
    words = [ROOT / "run-qemu.sh", "plain", "--no-build"]
    if how == "size":
        words = ["prlimit", "--fsize=1048576", *words]
        want = "File too large"
    else:
        mount = 'mount -t tmpfs -o size=1m none "$TMPDIR" && exec "$@"'
        # root in a chroot may have no user namespace
        own = "-m" if os.geteuid() == 0 else "-rm"
        words = ["unshare", own, "sh", "-c", mount, "sh", *words]
        want = "No space left on device"
    env = {**os.environ, "TMPDIR": str(world.folder)}
    script = world.program("run-qemu.sh", *words, env=env)
    said = [line for line in script.done(1).splitlines() if not line.startswith("+ ")]
    assert len(said) == 1, script.text
    assert re.fullmatch(rf"run-qemu\.sh: .*/memory: 4194304 bytes: .*{want}", said[0])

TOPS = ["*.sh", ".ci/run", "host/**/*.sh", "lib/**/*.sh", "tests/**/*.sh"]
BASH = r"^(#!/bin/bash|# shellcheck shell=bash)\b"
# A signal comes during the first expansion, and is due when the second one begins.
SIGNAL = """
. host/demo/signal.sh
cleanup() { local made=$(echo cleaned)$(echo up); echo "$made"; }
trap cleanup EXIT
on_signal TERM '[[ $(echo a)$(echo b) == ab ]] && echo taken; exit 143'
(sleep 0.0$RANDOM; kill -TERM $$) &
for ((end = SECONDS + 10; SECONDS < end; )); do %s; done
echo lost
exit 0
"""


@pytest.mark.parametrize("expansion", ["x=$(echo a)$(echo b)", ": <(echo a) <(echo b)"])
def test_signal_amidst_an_expansion(expansion):
    """bash 5.2 drops a bare trap's words there in most runs, and goes on."""
    for _ in range(20):
        run = subprocess.run(
            ["bash", "-c", SIGNAL % expansion],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        assert (run.returncode, run.stdout) == (143, "taken\ncleanedup\n")


def test_no_bare_trap():
    """Each script of bash takes its signals by signal.sh."""
    files = [path for top in TOPS for path in ROOT.glob(top)]
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in files}
    scripts = {name: text for name, text in texts.items() if re.search(BASH, text, re.M)}
    assert {"run-qemu.sh", "host/demo/guest.sh", "tests/distros/run.sh"} <= set(scripts)
    for name, text in scripts.items():
        for words in re.findall(r"^\s*trap +(.*)$", text, re.M):
            bare = re.search(r"\b(HUP|INT|TERM)\b", words) and not words.startswith(("''", "-"))
            assert not bare, f"{name}: trap {words}"
