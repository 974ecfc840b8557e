# SPDX-License-Identifier: MIT
"""test_libvirt.py - libvirt itself reads what qemu-args --libvirt prints: no daemon, no machine."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

NOBODY = 65534  # as root, libvirt needs a user that only its daemon's package makes

DOMAIN = """<domain type='qemu'><name>test</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><emulator>{emulator}</emulator>{devices}</devices></domain>"""


@pytest.fixture(scope="module")
def to_native():
    """to_native(devices): libvirt's command line for QEMU, or its refusal."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ivsh-libvirt-"))
    emulator = shutil.which("qemu-system-x86_64")
    command = ["virsh", "-c", f"qemu:///embed?root={folder}/root", "domxml-to-native"]
    command += ["qemu-argv", f"{folder}/domain.xml"]
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}

    def convert(devices):
        xml = DOMAIN.format(emulator=emulator, devices=devices)
        (folder / "domain.xml").write_text(xml)
        (folder / "domain.xml").chmod(0o644)
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
        return done.stdout.decode() if done.returncode == 0 else f"refused: {done.stderr.decode()}"

    yield convert
    shutil.rmtree(folder)


def lines(build, server, *words):
    done = subprocess.run(
        [build / "ivsh-server", "qemu-args", "-S", server.socket, "--libvirt", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_doorbell(build, start, to_native, tmp_path):
    """A bound and the common socket, with all that XML escapes in the path, and the vectors."""
    bound = tmp_path / "it's & <é"
    server = start("--slot", f"alpha={bound}", "-n", 3)
    for words, path in ((("alpha",), bound), ((), server.socket)):
        native = to_native(lines(build, server, *words))
        assert '"driver":"ivshmem-doorbell"' in native and '"vectors":3' in native, native
        assert str(path).replace("'", "'\\''") in native, native


@pytest.mark.parametrize("size", ["1M", "4M", "64M"])
def test_plain(build, start, to_native, size):
    name = f"ivsh-libvirt-{os.getpid()}"
    server = start("-M", name, "-l", size, "--slots", 2)
    native = to_native(lines(build, server, "--plain"))
    assert '"driver":"ivshmem-plain"' in native, native
    assert f'"mem-path":"/dev/shm/{name}"' in native
    assert f'"size":{int(size[:-1]) << 20}' in native


def test_libvirt_says_no(to_native):
    """These tests can fail: libvirt refuses a wrong element."""
    wrong = "<shmem name='a'><model type='ivshmem-doorbell'/><size unit='M'>4</size><server"
    wrong += " path='/run/s'/><msi vectors='2'/></shmem>"
    assert to_native(wrong).startswith("refused: ")
