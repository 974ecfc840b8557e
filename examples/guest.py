# SPDX-License-Identifier: MIT
"""guest.py - a test of a guest: it boots, and answers. Arguments: SERVER QEMU IMAGE."""

import subprocess
import sys

import ivsh

server, qemu, image = sys.argv[1:]
words = [qemu, "-accel", "tcg", "-display", "none", "-m", "64", "-kernel", image]
words += "-chardev socket,id=c,path=ivsh.sock -device ivshmem-doorbell,chardev=c,vectors=2".split()
subprocess.run([server, "--daemon", "-S", "ivsh.sock"], check=True)  # until it is ready
with subprocess.Popen([*words, "-append", "echo --name=guest"]) as guest:
    with ivsh.Peer("ivsh.sock", "test") as peer:
        peer.send(peer.find("guest", timeout=20), 7, b"hello", timeout=5)
        print("guest:", peer.receive(timeout=5).data.decode())
    guest.terminate()
subprocess.run([server, "stop", "-S", "ivsh.sock"], check=True)
