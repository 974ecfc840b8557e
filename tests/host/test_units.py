# SPDX-License-Identifier: MIT
"""test_units.py - what an installation has around the programs: units, completion, manual pages."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from rawclient import LIMIT, RawClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOST = ROOT / "host"
SERVICES = ["ivsh-server.service", "ivsh-server@.service"]
SOCKETS = ["ivsh-server.socket", "ivsh-server@.socket"]


def unit(path):
    """{(section, key): [values]} of a unit."""
    found, section = {}, None
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        key, equals, value = line.partition("=")
        assert equals and section and key.isalnum(), line
        found.setdefault((section, key), []).append(value)
    return found


# --- Units -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_service(name):
    got = unit(HOST / "systemd" / name)
    service = {key: values for (section, key), values in got.items() if section == "Service"}
    for key, value in {
        "Type": "notify",
        "NotifyAccess": "main",
        "KillMode": "mixed",
        "Restart": "on-failure",
        "ExecReload": "/bin/sh -c 'kill -HUP $$MAINPID'",
        "RestrictAddressFamilies": "AF_UNIX",
        "ProtectSystem": "strict",
        "PrivateNetwork": "yes",
        "NoNewPrivileges": "yes",
        "MemoryDenyWriteExecute": "yes",
        "CapabilityBoundingSet": "",
        "UMask": "0007",
    }.items():
        assert service[key] == [value], key
    assert "PrivateUsers" not in service, "it would make every client nobody"
    assert int(service["WatchdogSec"][0]) >= 3 and int(service["LimitNOFILE"][0]) >= 4096
    instance = "%i" if "@" in name else "default"
    assert service["RuntimeDirectory"] == [f"ivsh/{instance}"]
    (start,) = service["ExecStart"]
    assert start == (
        "@SBINDIR@/ivsh-server --foreground --config @SYSCONFDIR@/ivsh/" + instance + ".conf"
    )
    assert got["Install", "WantedBy"] == ["multi-user.target"]


def test_services_differ_in_their_instance_only():
    def lines(name):
        text = re.sub(r"^#.*\n", "", (HOST / "systemd" / name).read_text(), flags=re.M)
        return text.replace(": %i", "").replace("%i", "default")

    assert lines(SERVICES[0]) == lines(SERVICES[1])
    assert lines(SOCKETS[0]).replace("ivsh-server.", "ivsh-server@default.") == lines(SOCKETS[1])


@pytest.mark.parametrize("name", SOCKETS)
def test_socket(name):
    got = unit(HOST / "systemd" / name)
    instance = "%i" if "@" in name else "default"
    assert got["Socket", "FileDescriptorName"] == ["common"]
    assert got["Socket", "Accept"] == ["no"]
    assert got["Socket", "ListenStream"] == [f"/run/ivsh/{instance}.sock"]
    assert got["Socket", "SocketMode"] == ["0660"]
    service = name.replace(".socket", ".service").replace("@.", "@%i.")
    assert got["Socket", "Service"] == [service]


def test_systemd_takes_the_units(build, tmp_path):
    """Where there is a systemd to query."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is missing: a machine without systemd")
    for name in [*SERVICES, *SOCKETS, "ivsh-bridge@.service"]:
        text = (HOST / "systemd" / name).read_text()
        text = text.replace("@SBINDIR@", str(build)).replace("@SYSCONFDIR@", "/etc")
        (tmp_path / name.replace("@.", "@x.")).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
    )
    said = [line for line in done.stderr.splitlines() if "ivsh" in line]
    assert (done.returncode, said) == (0, [])
    # The bridge has the network, which counts.
    for name, most in ((SERVICES[0], 10), ("ivsh-bridge@x.service", 12)):
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={most}"]
            + [str(tmp_path / name)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{name}: the exposure is at most {most} tenths of 10"


def test_bridge_reports_to_systemd():
    got = unit(HOST / "systemd/ivsh-bridge@.service")
    assert got["Service", "Type"] == ["notify"] and got["Service", "NotifyAccess"] == ["main"]
    assert int(got["Service", "WatchdogSec"][0]) >= 3


def test_bridge_may_filter_itself():
    """Debian 12's @system-service is without seccomp(2), by which a bridge confines itself."""
    assert unit(HOST / "systemd/ivsh-bridge@.service")["Service", "SystemCallFilter"] == [
        "@system-service",
        "~@privileged @resources @keyring",
        "seccomp",
    ]


def test_the_configuration_is_taken(build, tmp_path):
    """default.conf as it is, and with everything in it switched on."""
    text = (HOST / "systemd" / "default.conf").read_text()
    every = re.sub(r"^#(?=[a-z-]+ = )", "", text, flags=re.M)
    every = re.sub(r"^(allow|control-group) = .*\n", "", every, flags=re.M)
    for content in (text, every.replace("/run/ivsh/default", str(tmp_path))):
        config = tmp_path / "conf"
        config.write_text(content)
        server = subprocess.Popen(
            [build / "ivsh-server", "--foreground", "--config", config],
            env={**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        lines = []
        for line in server.stderr:
            lines.append(line)
            if "event=ready" in line:
                break
        server.terminate()
        server.communicate(timeout=LIMIT)
        assert server.returncode == 0, lines
        assert f"socket={tmp_path}/ivsh.sock " in lines[-1]
        assert "size=4194304 slots=8 vectors=2" in lines[-1], "the defaults, as it says"


ACTIVATED = """
export LISTEN_PID=$$
exec "$@" 3<&$COMMON 4<&$ALPHA 5<&$CONTROL
"""


def test_sockets_of_systemd(build, tmp_path):
    """As systemd passes them, in the server's own environment; and the messages in return."""
    sockets = {}
    for name in ("common", "alpha", "control"):
        sockets[name] = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sockets[name].bind(f"{tmp_path}/{name}.sock")
        sockets[name].listen(8)
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(f"{tmp_path}/notify")
    told.settimeout(LIMIT)
    fds = {name.upper(): str(each.fileno()) for name, each in sockets.items()}
    server = subprocess.Popen(
        ["bash", "-c", ACTIVATED, "bash", build / "ivsh-server", "--foreground"]
        + ["--slot", f"1={tmp_path}/one", "--slot", f"alpha={tmp_path}/alpha.sock"],
        env={**os.environ, **fds}
        | {"LISTEN_FDS": "3", "LISTEN_FDNAMES": "common:alpha:control"}
        | {"RUNTIME_DIRECTORY": str(tmp_path), "NOTIFY_SOCKET": f"{tmp_path}/notify"}
        | {"WATCHDOG_USEC": "1000000"},
        pass_fds=[each.fileno() for each in sockets.values()],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while "READY=1" not in (said := told.recv(4096).decode()):
            assert "STOPPING" not in said
        for path, slot in (("common.sock", 2), ("alpha.sock", 0), ("one", 1)):
            client = RawClient(tmp_path / path)
            client.handshake(8, 2)
            assert client.id == slot
        ask = [build / "ivsh-server", "status", "--control", tmp_path / "control.sock", "--json"]
        got = json.loads(subprocess.check_output(ask))
        paths = {each["slot"]: each["socket"] for each in got["listeners"]}
        assert paths[None] == f"{tmp_path}/common.sock", "for qemu-args"
        assert paths[0] == f"{tmp_path}/alpha.sock"
        while "WATCHDOG=1" not in told.recv(4096).decode():
            pass
    finally:
        server.terminate()
        log = server.communicate(timeout=LIMIT)[1]
        for each in (told, *sockets.values()):
            each.close()
    assert server.returncode == 0, log
    for name in sockets:
        assert (tmp_path / f"{name}.sock").exists(), "systemd removes what it made"
    assert not (tmp_path / "one").exists()


# --- Completion --------------------------------------------------------------------------------

COMPLETE = """
source "$1"
line=$2
COMP_LINE=$line COMP_POINT=${#line}
function=$(complete -p "${line%% *}" | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(line, folder="/", path=None):
    file = HOST / "completion" / line.split()[0].replace("ivshmem-", "ivsh-")
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE, "bash", str(file), line],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=LIMIT,
        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}"} if path else None,
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []


@pytest.mark.parametrize(
    "line,want",
    [
        ("ivsh-server st", ["status", "stop"]),
        ("ivsh-server q", ["qemu-args"]),
        ("ivshmem-server --cla", ["--classic"]),
        ("ivsh-server --hugetlb ", ["2M", "1G"]),
        ("ivsh-server --hugetlb=1", ["1G"]),
        ("ivsh-server --raw=", ["yes", "no"]),
        ("ivsh-server --per-uid ", []),
        ("ivsh-server --allow ", ["user:", "group:"]),
        ("ivsh-server --allow user:roo", ["root"]),
        ("ivsh-server --socket-group roo", ["root"]),
        ("ivsh-server --slot", ["--slots", "--slot"]),
        ("ivsh-server --slot a=fil", ["file.conf"]),
        ("ivsh-server --slot a=file.conf,user=roo", ["root"]),
        ("ivsh-server --split=", ["yes", "no"]),
        ("ivsh-server -c fi", ["file.conf"]),
        ("ivsh-server --config=fi", ["file.conf"]),
        ("ivsh-server --huge ", ["folder"]),
        ("ivsh-server --control n", ["none"]),
        ("ivsh-server status --j", ["--json"]),
        ("ivsh-server status --p", ["--prometheus"]),
        ("ivsh-server status st", []),
        ("ivsh-server qemu-args --l", ["--libvirt"]),
        ("ivsh-server -F st", []),
        ("ivsh p", ["ping", "put"]),
        ("ivsh -f fil", ["file.conf"]),
        ("ivsh --file=fil", ["file.conf"]),
        ("ivsh -f file.conf l", ["ls", "log"]),
        ("ivsh -f file.conf --slot 3 l", ["ls", "log"]),
        ("ivsh -w s", ["spin", "sleep"]),
        ("ivsh echo --wait=p", ["poll"]),
        ("ivsh --name ", []),
        ("ivsh ls --c", []),
        ("ivsh ls l", []),
        ("ivsh recv --ra", ["--raw-output"]),
        ("ivsh put 1 f", ["file.conf", "folder"]),
        ("ivsh -f file.conf get alpha --timeout 3 fi", ["file.conf"]),
        ("ivsh send 1 f", []),
        ("ivsh mem ", ["create", "info", "rm"]),
        ("ivsh mem create fi", ["file.conf"]),
        ("ivsh mem create x 4M --geometry=fi", ["file.conf"]),
        ("ivsh-server --geometry fi", ["file.conf"]),
        ("ivsh tune --use=t", ["throughput"]),
        ("ivsh tune --out", ["--output"]),
        ("ivsh bri", ["bridge"]),
        ("ivsh bridge --c", ["--config", "--check"]),
        ("ivsh bridge -c fi", ["file.conf"]),
        ("ivsh bridge --config=fi", ["file.conf"]),
        ("ivsh bridge -c file.conf --check --s", []),
        ("ivsh bridge -c file.conf --s", ["--status"]),
        ("ivsh-bridge --c", ["--config", "--check"]),
        ("ivsh-bridge -c fi", ["file.conf"]),
        ("ivsh-bridge --config=fi", ["file.conf"]),
        ("ivsh-bridge --config fi", ["file.conf"]),
        ("ivsh-bridge -c file.conf --json --p", []),
        ("ivsh-bridge -c file.conf --p", ["--prometheus"]),
        ("ivsh-bridge fi", []),
    ],
)
def test_completion(tmp_path, line, want):
    (tmp_path / "file.conf").touch()
    (tmp_path / "folder").mkdir()
    assert complete(line, tmp_path) == want


def test_completion_knows_every_option(build):
    """And no other: both are compared with what the program says of itself."""
    for command in ([], ["status"], ["qemu-args"]):
        text = subprocess.check_output([build / "ivsh-server", *command, "--help"], text=True)
        said = set(re.findall(r"^  +(?:(-[a-zA-Z]), )?(--[a-z-]+)", text, flags=re.M))
        said |= {("", name) for name in re.findall(r"^ .*, (--[a-z-]+) [A-Z]", text, flags=re.M)}
        said = {flag for pair in said for flag in pair if flag}
        known = set(complete(" ".join(["ivsh-server", *command, "-"])))
        assert known == said


@pytest.mark.parametrize("program", ["ivsh-bridge", "ivsh bridge"])
def test_completion_of_the_bridge_knows_every_option(build, program):
    text = subprocess.check_output([build / "ivsh-bridge", "--help"], text=True)
    said = re.findall(r"^  (?:(-[a-z]), |    )(--[a-z]+)", text, flags=re.M)
    assert set(complete(f"{program} -")) == {flag for pair in said for flag in pair if flag}


# Commands that need no region.
HOST_ALONE = ("version", "mem", "tune")


def test_completion_of_the_tool_knows_every_option(build):
    """And no other; of each command those that it takes."""
    text = subprocess.check_output([build / "ivsh", "--help"], text=True)
    said = set(re.findall(r"(?<![a-zA-Z-])--?[a-zA-Z][a-z-]*", text))
    assert set(complete("ivsh -")) == said
    flags = ("--discard-backlog", "--raw-output", "--quiet", "--keep-going")
    words_of = {"--wait": "spin", "--use": "latency", "--layout": "2,16,1024,1024"}
    words_of.update({"--log-size": "4K", "--sort": "name"})
    commands = complete("ivsh ")
    assert commands == re.findall(r"^  ([a-z]+) ", text, flags=re.M)
    for command in commands:
        if command == "bridge":  # its options are another program's
            continue
        known = set(complete(f"ivsh {command} -"))
        for flag in said - {"-h", "--help", "-v", "--version", "-S", "-f", "-w"}:
            value = [] if flag in flags else [words_of.get(flag, "2")]
            place = [] if command in HOST_ALONE else ["-S", "/none/here"]
            words = [build / "ivsh", *place, command, *["1"] * 2, flag, *value]
            done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT)
            assert ("means nothing here" in done.stderr) == (flag not in known), (command, flag)


def test_completion_asks_for_peers(start, at, build):
    server = start()
    peers = at("-S", server.socket)
    peers.server = server
    peers.echo("--name", "alpha")
    assert sorted(complete(f"ivsh -S {server.socket} ping ", path=build)) == ["0", "alpha"]
    assert complete(f"ivsh --socket={server.socket} get a", path=build) == ["alpha"]
    assert complete(f"ivsh -S {server.socket} send alpha a", path=build) == []


def test_completion_asks_for_slots(start, build, tmp_path):
    server = start("--slots", 3, "--slot", f"alpha={tmp_path}/alpha")
    got = complete(f"ivsh-server qemu-args -S {server.socket} ", path=build)
    assert sorted(got) == ["0", "1", "2", "alpha"]
    assert complete(f"ivsh-server qemu-args -S {server.socket} a", path=build) == ["alpha"]
    assert complete(f"ivsh-server qemu-args -S {tmp_path}/none ", path=build) == []


# --- Installing --------------------------------------------------------------------------------


def make(*words):
    return subprocess.run(
        ["make", "-C", ROOT, *words],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))},
    )


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_install_and_uninstall(tmp_path):
    where = (f"DESTDIR={tmp_path}", "PREFIX=/opt/ivsh")
    done = make("install", *where)
    assert done.returncode == 0, done.stderr
    base = tmp_path / "opt" / "ivsh"
    got = files(base)
    for path in (
        "bin/ivsh",
        "sbin/ivsh-server",
        "sbin/ivshmem-server",
        "share/man/man1/ivsh.1",
        "share/man/man8/ivsh-server.8",
        "share/man/man8/ivshmem-server.8",
        "share/bash-completion/completions/ivsh",
        "share/bash-completion/completions/ivshmem-server",
        "lib/systemd/system/ivsh-server@.socket",
        "include/ivsh/ivsh.h",
        "lib/ivsh/host/libivsh.a",
        "lib/ivsh/x86_64/libivsh-bare.a",
        "share/ivsh/ivsh.efi",
        "share/ivsh/ivsh.man",
    ):
        assert path in got
    assert all((path.resolve()).exists() for path in base.rglob("*")), "no link leads nowhere"
    text = subprocess.check_output([base / "sbin" / "ivshmem-server", "-h"], text=True)
    assert text.startswith("Usage: ivshmem-server ")
    service = (base / "lib" / "systemd" / "system" / "ivsh-server.service").read_text()
    assert "\nExecStart=/opt/ivsh/sbin/ivsh-server " in service
    assert "--config /etc/ivsh/default.conf\n" in service and "@S" not in service

    config = tmp_path / "etc" / "ivsh" / "default.conf"
    config.write_text("slots = 4\n")
    assert make("install", *where).returncode == 0
    assert config.read_text() == "slots = 4\n", "a changed configuration stays"
    assert make("uninstall", *where).returncode == 0
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {"etc", "etc/ivsh", "etc/ivsh/default.conf"}
    config.unlink()
    assert make("install", *where).returncode == 0
    assert make("uninstall", *where).returncode == 0
    assert list(tmp_path.rglob("*")) == [], "no folder either"


def test_uninstall_leaves_what_is_not_its_own(tmp_path):
    """Without DESTDIR: PREFIX is removed; the folder that has it stays, and files of others."""
    base, config = tmp_path / "opt" / "ivsh", tmp_path / "etc"
    base.parent.mkdir()
    config.mkdir()
    where = (f"PREFIX={base}", f"SYSCONFDIR={config}")
    assert make("install", *where).returncode == 0
    assert (config / "ivsh" / "default.conf").exists()
    assert make("uninstall", *where).returncode == 0
    assert sorted(tmp_path.rglob("*")) == [config, base.parent]
    other = base / "share" / "man" / "man1" / "other.1"
    other.parent.mkdir(parents=True)
    other.touch()
    assert make("install", *where).returncode == 0
    assert make("uninstall", *where).returncode == 0
    assert files(tmp_path) == {"opt/ivsh/share/man/man1/other.1"}


def test_uninstall_leaves_the_system_its_folders():
    """With the default PREFIX only this list keeps an empty /usr/local/bin that it has made."""
    said = make("-n", "uninstall", "V=1").stdout
    assert re.search(r" PREFIX='/usr/local' .*SYSCONFDIR='/etc' .*lib/sdk/uninstall.sh", said)
    script = (ROOT / "lib" / "sdk" / "uninstall.sh").read_text()
    kept = re.search(r"^kept='([^']*)'$", script, flags=re.M)[1].split()
    for folder in ("", "/bin", "/sbin", "/lib", "/include", "/share", "/share/man"):
        assert "/usr/local" + folder in kept
    assert "/etc" in kept and "/usr" in kept
    assert 'case " $(echo $kept) " in\n\t*" $DESTDIR$path "*) ;;\n' in script


# --- Manual pages ------------------------------------------------------------------------------


def test_the_manual_has_every_option(build):
    page = (HOST / "man" / "ivsh-server.8").read_text().replace("\\-", "-")
    for command in ([], ["status"], ["qemu-args"]):
        text = subprocess.check_output([build / "ivsh-server", *command, "--help"], text=True)
        for flag in set(re.findall(r"(?<![a-z-])--[a-z-]{2,}", text)):
            assert flag in page, flag


def test_the_manual_has_every_event():
    page = (HOST / "man" / "ivsh-server.8").read_text().replace("\\-", "-")
    for source in (HOST / "server").glob("*.c"):
        for event in re.findall(r'"event=([a-z-]+)', source.read_text()):
            assert f".B {event}\n" in page, f"{source.name}: {event}"


@pytest.mark.parametrize("page", ["ivsh-server.8", "ivsh.1"])
def test_the_manual_is_clean(page):
    """Where there is a groff to run."""
    if not shutil.which("groff"):
        return
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8", HOST / "man" / page],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
