# SPDX-License-Identifier: MIT
"""test_bridge_trust.py - how bus and bridge know each other: credentials, passwords, tokens."""

import itertools
import json
import os
import signal
import socket
import subprocess

import nkeys
import pytest
from bridgetool import PORT, Bridge, Nats, await_event, exchange, ivsh
from rawclient import until
from servertool import BUILD, LIMIT

REFUSED = "it refuses the credentials"
OTHERS = "other users can read it, or change it"


def secret(path, text):
    """A file that is ours alone, also where another one is replaced."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(0o600)
    new.write_text(text)
    new.rename(path)
    return path


def ends(side, text):
    """A bridge with (text) behind its configuration does not begin: its one line."""
    path = side.folder / "other.conf"
    path.write_text(side.config.read_text().replace("/state\n", "/other\n") + text)
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", path], capture_output=True, text=True, timeout=LIMIT
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr


def again(side, text):
    """Start the bridge with another configuration."""
    side.bridge.stop()
    side.config.write_text(text)
    side.bridge.start()


def rights(host, mode):
    """What ivsh-bridge(8) has a bridge publish and subscribe to: all that it needs."""
    api = "$JS.API"
    kept = [
        f"{api}.STREAM.CREATE.ivsh_r",
        f"{api}.STREAM.INFO.ivsh_r",
        f"{api}.STREAM.PURGE.ivsh_r",
        f"{api}.CONSUMER.CREATE.ivsh_r.*.ivsh.r.*.*.*.{host}.*.kept",
        f"{api}.CONSUMER.MSG.NEXT.ivsh_r.*",
    ]
    publish = [f"ivsh.r.{host}.>", *(kept if mode == "jetstream" else [])]
    return publish, [f"ivsh.r.*.*.*.{host}.*", f"ivsh.r.{host}.$inbox.>"]


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_credentials(world, tmp_path, mode):
    """SPEC R19.4: with a host's credentials it speaks for that host; with others it does not."""
    keys, others = tmp_path / "keys", tmp_path / "others"
    keys.mkdir()
    others.mkdir()
    accounts = nkeys.Accounts(keys)
    for host in ("a", "b"):
        accounts.user(host, *rights(host, mode))
    stranger = nkeys.Accounts(others).user("a", [">"], [">"])
    w = world(mode, nats=accounts.config())
    # Without any.
    assert REFUSED in w.a.bridge.await_line("event=bus-failed")
    assert w.a.bridge.count("event=bus-up") == 0
    bare = w.a.config.read_text()
    right = f"{bare}credentials = {keys}/a.creds\n"
    again(w.b, f"{w.b.config.read_text()}credentials = {keys}/b.creds\n")
    again(w.a, right)
    exchange(w, b"right")
    for side in w.sides:
        assert side.bridge.count("event=bus-error") == 0, side.bridge.lines
    # Another host's: the bus takes nothing of it, and the other side does not hear it.
    w.a.bridge.stop()
    until(lambda: not w.b.bridge.pair("heard"))
    again(w.a, f"{bare}credentials = {keys}/b.creds\n")
    w.a.bridge.await_line('reason="Not Permitted" hint="nats-server\'s log names the subject')
    with w.a.peer(), w.b.peer() as b:
        w.a.bridge.await_line("event=bus-error", 2)
        assert b.peer(5).presence != ivsh.Presence.ATTACHED
        assert not w.b.bridge.pair("heard")
    # Another authority's: one line says so.
    ups, failed = (w.a.bridge.count(f"event=bus-{what}") for what in ("up", "failed"))
    again(w.a, f"{bare}credentials = {stranger}\n")
    assert REFUSED in w.a.bridge.await_line("event=bus-failed", failed + 1)
    assert w.a.bridge.count("event=bus-up") == ups
    again(w.a, right)
    exchange(w, b"right again")


def lines_of(w, text):
    """How many lines with (text) each of the two bridges has."""
    return [side.bridge.count(text) for side in w.sides]


def await_more(w, text, before):
    """Each has one more than (before)."""
    for side, count in zip(w.sides, before):
        side.bridge.await_line(text, count + 1)


class Client:
    """A client of the bus with a name and a password, who sees what it is refused."""

    def __init__(self, port, name):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.file = self.socket.makefile("rb")
        assert self.file.readline().startswith(b"INFO ")
        connect = json.dumps({"verbose": False, "pedantic": False, "user": name, "pass": "pw"})
        self.socket.sendall(f"CONNECT {connect}\r\n".encode())

    def ask(self, subject, reply, body=""):
        """What the bus says to a request: its answer, or why it is none."""
        line = f"PUB {subject} {reply} {len(body)}\r\n{body}\r\nPING\r\n"
        self.socket.sendall(line.encode())
        while True:
            line = self.file.readline()
            if line.startswith((b"-ERR", b"MSG")):
                return line + (self.file.readline() if line.startswith(b"MSG") else b"")

    def close(self):
        self.file.close()
        self.socket.close()


def test_permissions(world, tmp_path):
    """With a's permissions nobody reads what is kept for b, nor what the bus answers b."""
    users = ""
    for host in ("a", "b"):
        publish, subscribe = rights(host, "jetstream")
        users += f'{{ user: {host}, password: "pw", permissions: '
        users += f"{{ publish: {json.dumps(publish)}, subscribe: {json.dumps(subscribe)} }} }}\n"
    more = f"bus-user = %s\npassword = {secret(tmp_path / 'pw', 'pw')}\n"
    w = world("jetstream", more=more, nats=f"authorization {{ users: [ {users} ] }}\n")
    exchange(w, b"each with its own")
    for side in w.sides:
        assert side.bridge.count("event=bus-error") == 0, side.bridge.lines
    client = Client(w.nats.port, "a")
    inbox = "ivsh.r.a.$inbox.test"
    create = "$JS.API.CONSUMER.CREATE.ivsh_r"
    own, others = "ivsh.r.b.bpeer.*.a.apeer.kept", "ivsh.r.a.apeer.*.b.bpeer.kept"

    def ask_consumer(name, named, wanted):
        """Ask for what (wanted) matches, by a subject that names (named)."""
        config = {"name": name, "ack_policy": "none", "filter_subject": wanted}
        body = json.dumps({"stream_name": "ivsh_r", "config": config})
        return client.ask(f"{create}.{name}.{named}", inbox, body)

    try:
        client.socket.sendall(f"SUB {inbox} 1\r\n".encode())
        names = (f"x{i}" for i in itertools.count())
        assert b'"error"' not in ask_consumer(next(names), own, own)
        # Its bridge purges what the region has, but not at once.
        until(lambda: b'"num_pending":0' in ask_consumer(next(names), own, own))
        # Another's in the subject is not permitted, nor one that the subject has not.
        said = ask_consumer("y", others, others)
        assert b"Permissions Violation for Publish" in said
        assert b'"error"' in ask_consumer("y", own, others)
        for subject in (create, "$JS.API.STREAM.DELETE.ivsh_r", "$JS.API.CONSUMER.NAMES.ivsh_r"):
            assert b"Permissions Violation for Publish" in client.ask(subject, inbox, "{}")
        for subject in ("ivsh.r.b.$inbox.>", "_INBOX.>", others):
            client.socket.sendall(f"SUB {subject} 2\r\n".encode())
            assert b"Permissions Violation for Subscription" in client.ask("ivsh.r.a.x", inbox)
    finally:
        client.close()
    exchange(w, b"each with its own, again")


KINDS = {
    "password": (
        'authorization {{ user: "me", password: "{}" }}\n',
        "bus-user = me\npassword = {}\n",
    ),
    "token": ('authorization {{ token: "{}" }}\n', "token = {}\n"),
}


@pytest.fixture(params=KINDS)
def closed(request, world, tmp_path):
    """A bus that asks for a secret, bridges that name its file, and what configures the bus."""
    of_bus, of_bridge = KINDS[request.param]
    file = secret(tmp_path / "the secret", "first one\n")
    w = world("core", more=of_bridge.format(file), nats=of_bus.format("first one"))
    w.secret = file

    def configure(text):
        w.nats.config.write_text(of_bus.format(text))
        w.nats.process.send_signal(signal.SIGHUP)

    w.configure = configure
    return w


def test_denied_for_a_while(world):
    """
    An administrator who takes back the right to subscribe, and gives it again while the connection
    stands: the server has forgotten the subscription, and peers are heard again all the same.
    """

    def permit(denied):
        return (
            "authorization: {users: [{user: x, password: y, permissions: "
            f"{{subscribe: {{deny: [{denied}]}}}}}}]}}\nno_auth_user: x\n"
        )

    w = world("core", nats=permit(""))
    with w.a.peer() as a, w.b.peer():
        a.find("bpeer", LIMIT)
        w.nats.config.write_text(permit('"ivsh.r.b.*.*.a.*"'))
        w.nats.process.send_signal(signal.SIGHUP)
        w.a.bridge.await_line("event=bus-error")
        await_event(a, ivsh.EventKind.DOWN)
        w.nats.config.write_text(permit(""))
        w.nats.process.send_signal(signal.SIGHUP)
        await_event(a, ivsh.EventKind.UP)
        assert w.a.bridge.status()[0]["connects"] == "1"
    exchange(w, b"heard again")


def test_secret(closed):
    """The bus lets it in; what is another one, or none, is refused, and is not shown."""
    exchange(closed, b"with it")
    for side in closed.sides:
        up = side.bridge.lines.index(side.bridge.await_line("event=bus-up"))
        # A bus that was slow to begin is no refusal.
        assert not any("event=bus-failed" in line for line in side.bridge.lines[up:])
        shown = "\n".join(side.bridge.lines)
        for form in ("--check", "--status", "--json", "--prometheus"):
            done = subprocess.run(
                [BUILD / "ivsh-bridge", "--config", side.config, form],
                capture_output=True, text=True, timeout=LIMIT,
            )  # fmt: skip
            assert done.returncode == 0
            shown += done.stdout + done.stderr
        command = open(f"/proc/{side.bridge.process.pid}/cmdline").read()
        assert "first one" not in shown + command


def test_rotation(closed):
    """Another secret, first here, then at the bus: the next connection has it."""
    w = closed
    exchange(w, b"first")
    pids = [side.bridge.process.pid for side in w.sides]
    await_more(w, "event=bus-up", [0, 0])
    ups = lines_of(w, "event=bus-up")
    secret(w.secret, "second")
    w.configure("second")
    await_more(w, "event=bus-up", ups)
    exchange(w, b"second")
    # First at the bus: until the file follows the bridge is refused, and says so.
    ups, failed = lines_of(w, "event=bus-up"), lines_of(w, "event=bus-failed")
    w.configure("third")
    await_more(w, "event=bus-failed", failed)
    secret(w.secret, "third")
    await_more(w, "event=bus-up", ups)
    exchange(w, b"third")
    assert pids == [side.bridge.process.pid for side in w.sides]
    # Also where it begins with a wrong one.
    secret(w.secret, "wrong")
    ups, failed = (w.a.bridge.count(f"event=bus-{what}") for what in ("up", "failed"))
    w.a.bridge.stop()
    w.a.bridge.start()
    assert REFUSED in w.a.bridge.await_line("event=bus-failed", failed + 1)
    secret(w.secret, "third")
    w.a.bridge.await_line("event=bus-up", ups + 1)
    exchange(w, b"from a wrong one")


def test_secret_refused(world, tmp_path):
    """A file that others can open, or that has no secret: one line, which does not show it."""
    w = world("core")
    name = tmp_path / "secret"
    rows = {
        "": "it is empty",
        "\n": "it is empty",
        "SECRET\nSECRET\n": "it has more than one line",
        "SECRET\x01": "or is no text",
        'SEC"RET': "which libnats does not send right",
        "SEC\\RET": "which libnats does not send right",
        "S" * 1100: "longer than 1024 bytes",
    }
    for text, want in rows.items():
        said = ends(w.a, f"token = {secret(name, text)}\n")
        assert said.startswith(f"ivsh-bridge: {name}: ") and want in said and "SEC" not in said
    secret(name, "SECRET")
    text = f"token = {name}\n"
    for mode in (0o604, 0o640 if os.geteuid() else 0o660, 0o602, 0o777):
        name.chmod(mode)
        assert f"{name}: {OTHERS}" in ends(w.a, text)
    if os.geteuid() == 0:
        os.chown(name, 41001, 0)
        name.chmod(0o600)
        assert "it belongs to another user" in ends(w.a, text)
    name.unlink()
    assert ends(w.a, text) == f"ivsh-bridge: {name}: No such file or directory\n"
    os.mkfifo(name, 0o600)
    assert f"{name}: not a regular file" in ends(w.a, text)


def test_files_of_others(world, tmp_path):
    """The same of what libnats reads: credentials, and the key of the bridge's certificate."""
    w = world("core")
    for setting in (f"credentials = {tmp_path}/x\n", f"tls-cert = /c\ntls-key = {tmp_path}/x\n"):
        secret(tmp_path / "x", "text").chmod(0o644)
        assert f"{tmp_path}/x: {OTHERS}" in ends(w.a, setting)
        (tmp_path / "x").unlink()
        assert f"{tmp_path}/x: No such file" in ends(w.a, setting)
    secret(tmp_path / "x", "text")
    for setting in ("tls-ca = /c\n", f"tls-cert = /c\ntls-key = {tmp_path}/x\n"):
        assert ends(w.a, setting) == "ivsh-bridge: /c: No such file or directory\n"


def certificates(folder, serial=1, bus="IP:127.0.0.1"):
    """An authority, which signs a certificate of the bus and one of the bridges: files there."""
    new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split()
    ca = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key")
    names = ("-addext", f"subjectAltName={bus}")
    for name, more in (("ca", ()), ("bus", (*ca, *names)), ("bridge", ca)):
        new_key = folder / f"{name}.key.new"
        nkeys.openssl(
            "req", "-x509", *new, "-subj", f"/CN={name}-{serial}", *more,
            "-keyout", new_key, "-out", folder / f"{name}.crt.new",
        )  # fmt: skip
        new_key.chmod(0o600)
        for kind in ("crt", "key"):
            (folder / f"{name}.{kind}.new").rename(folder / f"{name}.{kind}")


# What the bus has, what of the bridge's configuration is another, and whether they connect.
TLS = {
    "right": ("right", "", True),
    "right, by tls://": ("right", "tls://", True),
    "another host's": ("elsewhere", "", False),
    "another authority's": ("others", "", False),
    "an unknown authority's": ("right", "tls:// alone", False),
    "none": (None, "", False),
    "none, by tls://": (None, "tls:// alone", False),
}


@pytest.mark.parametrize("case", TLS)
def test_tls(tmp_path, case):
    """A bus that cannot show that it is the one is none: it is told nothing."""
    of_bus, change, is_up = TLS[case]
    for name, bus in (
        ("right", "IP:127.0.0.1"),
        ("elsewhere", "IP:10.9.8.7,DNS:elsewhere.example"),
        ("others", "IP:127.0.0.1"),
    ):
        (tmp_path / name).mkdir()
        certificates(tmp_path / name, bus=bus)
    if of_bus == "elsewhere":  # of the authority that the bridge trusts
        (tmp_path / "right/ca.crt").write_bytes((tmp_path / "elsewhere/ca.crt").read_bytes())
    files = f'cert_file: "{tmp_path}/{of_bus}/bus.crt", key_file: "{tmp_path}/{of_bus}/bus.key"'
    nats = Nats(tmp_path, f"tls {{ {files} }}\n" if of_bus else "")
    config = tmp_path / "conf"
    scheme = "tls" if change else "nats"
    config.write_text(
        f"region = r\nhost = a\nurl = {scheme}://127.0.0.1:{nats.port}\nsocket = /none\n"
        f"state = {tmp_path}/state\nlocal 0 = x\nslot 5 = b/y\n"
        + ("" if "alone" in change else f"tls-ca = {tmp_path}/right/ca.crt\n")
    )
    try:
        bridge = Bridge(config)
        try:
            if is_up:
                bridge.await_line("event=bus-up")
            else:
                said = bridge.await_line("event=bus-failed")
                assert "certificates" in said and bridge.count("event=bus-up") == 0
        finally:
            assert bridge.stop() == 0
    finally:
        nats.stop()


def test_certificates(world, tmp_path):
    """The bus takes those with its authority's certificate; those of the next authority, too."""
    folder = tmp_path / "pki"
    folder.mkdir()
    certificates(folder, 1)
    of_bus = (
        f'tls {{ cert_file: "{folder}/bus.crt", key_file: "{folder}/bus.key"\n'
        f'ca_file: "{folder}/ca.crt", verify: true }}\n'
    )
    ca = f"tls-ca = {folder}/ca.crt\n"
    own = f"tls-cert = {folder}/bridge.crt\ntls-key = {folder}/bridge.key\n"
    w = world("core", more=ca + own, nats=of_bus)
    exchange(w, b"with certificates")
    right = w.a.config.read_text()
    again(w.a, right.replace(own, ""))
    assert REFUSED in w.a.bridge.await_line("event=bus-failed")
    again(w.a, right)
    exchange(w, b"with certificates again")
    ups = lines_of(w, "event=bus-up")
    # While the bus is down, all get others; the next connection is by these.
    w.nats.stop()
    for side in w.sides:
        side.bridge.await_line("event=bus-down")
    certificates(folder, 2)
    w.nats.start()
    await_more(w, "event=bus-up", ups)
    exchange(w, b"with others")


def test_authorities(world, tmp_path):
    """By certificates that are in files; another authority's is refused, with a line."""
    for name in ("bus", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
            + ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.crt"],
            check=True,
            capture_output=True,
            timeout=60,
        )
    nats = f'tls {{ cert_file: "{tmp_path}/bus.crt", key_file: "{tmp_path}/bus.key" }}\n'
    w = world("core", f"tls-ca = {tmp_path}/bus.crt\n", nats=nats)
    with w.a.peer() as a, w.b.peer() as b:
        a.find("bpeer", LIMIT)
        a.send(5, PORT, b"secret", LIMIT)
        assert b.receive(LIMIT).data == b"secret"
    w.b.bridge.stop()
    right = w.b.config.read_text()
    w.b.config.write_text(right.replace("bus.crt", "other.crt"))
    w.b.bridge.start()
    ready = w.b.bridge.count("event=bus-up")
    w.b.bridge.await_line("event=bus-failed")
    assert w.b.bridge.count("event=bus-up") == ready
    w.b.bridge.stop()
    w.b.config.write_text(right.replace("bus.crt", "none.crt"))
    done = subprocess.run(
        [BUILD / "ivsh-bridge", "--config", w.b.config],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 1 and "none.crt" in done.stderr
    w.b.config.write_text(right)
    w.b.bridge.start()
