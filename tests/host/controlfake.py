# SPDX-License-Identifier: MIT
"""controlfake.py - a control socket that sends the answers of a test, as slowly as it wants."""

import socket
import threading

SERVER = (
    "server version=2 supervisor=10 server=11 uptime_ms=93784500 serving_ms=61000 takeovers=2"
    " reloads=1 mode=slots raw=0 epoch=0x0000beef\n"
)
MEMORY = "memory kind=shm size=4194304 page=4096 path=/dev/shm/ivsh lost=0\n"
REGION = "region slots=4 vectors=2\n"
LISTENER = "listener socket=/run/i,v%20sh.sock\n"
REST = (
    LISTENER
    + "listener slot=0 name=alpha socket=/run/alpha.sock\n"
    + "listener slot=3 name=a'b%22%26%3C%C3%A9 socket=/run/it's&co\n"
    + "limit clients=20 per_uid=4294967295 unread=278\n"
    + "count connects=7 disconnects=6 takeovers=2 slow=1 indeterminate=0 notifications_blocked=3\n"
    + "refused reason=no-free-slot count=5\n"
    + "slot id=0 name=alpha state=ready pid={pid} uid=0 gid=0 since_ms=7260000 times=2 queued=0\n"
    + "slot id=1 state=handshaking pid=2147483647 uid=4294967294 gid=1 since_ms=900"
    + " times=1 queued=9\n"
    + "slot id=2 state=free times=0\n"
    + "slot id=3 name=a'b%22%26%3C%C3%A9 state=indeterminate pid=0 uid=0 gid=0 since_ms=0"
    + " times=1 queued=0\n"
    + "waiting pid=0 uid=1 gid=1 since_ms=20 state=refused\n"
    + "metric slot=0 name=al%20pha metric=frames kind=counter value=18446744073709551615\n"
    + "metric slot=1 metric=frames kind=gauge value=-9223372036854775808\n"
    + "future key=value\n"
)
END = "end\n"
WHOLE = SERVER + MEMORY + REGION + REST + END


class ControlFake:
    """Listens at (path); each client gets (pieces), a list of bytes, every (pause) seconds."""

    def __init__(self, path, pieces, pause=0.0, holds=False):
        self.requests = []
        self.stopped = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(4)
        arguments = (pieces, pause, holds)
        self.thread = threading.Thread(target=self._serve, args=arguments, daemon=True)
        self.thread.start()

    def _serve(self, pieces, pause, holds):
        while not self.stopped.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                try:
                    self.requests.append(client.recv(100))
                    for piece in pieces:
                        client.sendall(piece)
                        self.stopped.wait(pause)
                    if holds:
                        self.stopped.wait(5)
                except OSError:
                    pass  # the command has closed the connection

    def stop(self):
        self.stopped.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.listener.close()
