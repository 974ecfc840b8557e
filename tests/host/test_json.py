# SPDX-License-Identifier: MIT
"""test_json.py - --json: each line is an object, with the members that ivsh(1) lists."""

import json
import os
import pathlib
import re
import signal
import struct
import subprocess

import pytest

from peertool import DONE, FAILED, STOPPED, USAGE, finish
from rawclient import LIMIT, until

ROOT = pathlib.Path(__file__).parents[2]


def listed():
    """Of each type the members that the manual has, and its commands."""
    section = (ROOT / "host/man/ivsh.1").read_text().split(".SH JSON\n")[1].split("\n.SH ")[0]
    types = {}
    for entry in section.split("\n.TP\n")[1:]:
        head, members = entry.split("\n", 1)
        name = re.match(r"\.BR (\w+) ", head)[1]
        types[name] = set(re.findall(r"\w+", members))
    return types


TYPES = listed()
WORDS = 'caf\u00e9 \u20ac \U0001f600 "\\\n'


def objects(output):
    """The objects in (output), whose members the manual has."""
    made = []
    for line in output.decode("ascii").splitlines():
        one = json.loads(line)
        assert next(iter(one)) == "type"
        assert set(one) - {"type"} <= TYPES[one["type"]], one
        made.append(one)
    return made


def run(peers, *words, **keywords):
    status, output, errors = peers.run(*words, "--json", **keywords)
    assert (status, errors) == (DONE, [])
    return objects(output)


def of(made, kind):
    return [one for one in made if one["type"] == kind]


def end(process):
    process.send_signal(signal.SIGTERM)
    status, output, _ = finish(process)
    assert status in (DONE, 128 + signal.SIGTERM)
    return objects(output)


def test_the_manual_lists_types():
    assert len(TYPES) >= 25 and {"slot", "message", "round_trips"} <= set(TYPES)


def test_ls(peers):
    peers.echo("--name", "alpha")
    made = run(peers, "ls")
    assert [one["type"] for one in made] == ["region", "server", "slot"]
    region, server, slot = made
    assert region["slots"] == 8 and region["version"] == 2
    assert re.fullmatch("0x[0-9a-f]+", region["format_id"])
    assert server["state"] == "running" and re.fullmatch("0x[0-9a-f]+", server["epoch"])
    assert (slot["slot"], slot["name"], slot["presence"]) == (0, "alpha", "attached")
    assert (slot["connection"], slot["incarnation"], slot["vectors"]) == ("up", 1, 2)
    assert slot["services"] == [{"name": "echo", "port": 7}]
    assert of(run(peers, "ls", "--quiet"), "slot") == []


def test_ping_and_echo(peers):
    echo = peers.start("echo", "--name=alpha", "--count=30", "--json")
    made = run(peers, "ping", "alpha", "--count=30", "--size=100", "--name=beta")
    trips, wait = made
    assert trips["type"] == "round_trips" and wait["type"] == "wait"
    assert (trips["count"], trips["size_bytes"], trips["lost"]) == (30, 100, 0)
    assert (trips["peer"], trips["peer_name"]) == (0, "alpha")
    assert 0 < trips["min_ns"] <= trips["p50_ns"] <= trips["p99_ns"] <= trips["max_ns"]
    assert wait["wait"] == "spin" and wait["vectors"] == 2
    status, output, _ = finish(echo)
    start, answered, waited = objects(output)
    assert status == DONE and start["type"] == "start" and start["slots"] == 8
    assert answered["messages"] == 30 and waited["type"] == "wait"


@pytest.mark.parametrize(
    "sent, member, want",
    [
        (b"plain", "data", "plain"),
        (WORDS.encode(), "data", WORDS),
        (bytes(range(128)), "data", bytes(range(128)).decode()),
        (bytes(range(256)), "data_hex", bytes(range(256)).hex()),
        (b"cut \xe2\x82", "data_hex", b"cut \xe2\x82".hex()),
        (b"", "data", ""),
    ],
)
def test_messages(peers, sent, member, want):
    receiver = peers.start("recv", "--name=alpha", "--json")
    (put,) = run(peers, "send", "alpha", "-", stdin=sent)
    assert (put["type"], put["bytes"], put["peer_name"]) == ("sent", len(sent), "alpha")
    status, output, errors = finish(receiver)
    (got,) = objects(output)
    assert (status, errors) == (DONE, [])
    assert (got["port"], got["maybe_seen"], got["size_bytes"]) == (1, False, len(sent))
    assert got[member] == want and got["peer"] == 1 and got["peer_name"] is None


def test_watch(peers):
    watch = peers.start("watch", "--count=2", "--json", "--name=watcher")
    assert json.loads(watch.stdout.readline())["type"] == "start"
    visitor = peers.start("echo", "--name=visitor", "--json")
    up = watch.stdout.readline()  # it has been seen before it leaves
    end(visitor)
    status, output, _ = finish(watch)
    up, down = objects(up + output)
    assert status == DONE
    assert (up["event"], up["peer"], up["peer_name"]) == ("up", 1, "visitor")
    assert down["event"] == "down" and down["text"] in ("left", "died")


def test_demo_and_stress(peers):
    for command, count in (("demo", 8), ("stress", 200)):
        words = (command, f"--count={count}", "--json")
        other = peers.start(*words, "--name=alpha")
        made = run(peers, *words[:2], "--name=beta")
        status, output, _ = finish(other)
        theirs = objects(output)
        assert status == DONE
        mine, his = of(made, "verified")[0], of(theirs, "verified")[0]
        assert mine["sent_messages"] == mine["received_messages"] == count
        assert mine["sent_bytes"] == his["received_bytes"]
        assert mine["received_bytes"] == his["sent_bytes"]
        assert of(made, "partner")[0]["peer_name"] == "alpha"
        assert "hello, here is slot" in of(made, "hello")[0]["text"]
        assert [one["received_messages"] for one in of(made, "progress")][-1] == count


def test_partner_of_its_hello(peers):
    """A peer whose hello came before it was looked for is a partner, too, with its line."""
    peers.echo("--name=alpha")
    demo = peers.start("demo", "--count=8", "--name=beta", "--json")
    peers.await_row("beta")
    # firmware/app/exchange.h: kind, number, sum; the incarnations from and to.
    hello = struct.pack("<IIQII", 1, 8, 0, 1, 1) + b"hello of gamma"
    words = ("send", "beta", "-", "--port=2", "--name=gamma")
    assert peers.run(*words, stdin=hello)[0] == DONE
    until(lambda: peers.count("beta", "received") >= 1)
    demo.send_signal(signal.SIGTERM)
    status, output, _ = finish(demo)
    assert status == STOPPED
    made = [one for one in objects(output) if one.get("peer_name") == "gamma"]
    assert [one["type"] for one in made] == ["partner", "hello"]


def test_files(peers, tmp_path):
    source, target = tmp_path / "from", tmp_path / "to"
    source.write_bytes(os.urandom(300_000))
    get = peers.start("get", "beta", target, "--name=alpha", "--json")
    (put,) = run(peers, "put", "alpha", source, "--name=beta")
    status, output, _ = finish(get)
    (got,) = objects(output)
    assert status == DONE and target.read_bytes() == source.read_bytes()
    assert (put["type"], put["bytes"], put["peer_name"]) == ("sent", 300_000, "alpha")
    assert (got["type"], got["bytes"], got["peer_name"]) == ("received", 300_000, "beta")


def test_bench(peers):
    sink = peers.start("sink", "--name=alpha", "--count=500", "--json")
    (one, wait) = run(peers, "bench", "sink", "--count=500", "--size=32", "--peer=alpha")
    assert (one["type"], one["count"], one["size_bytes"]) == ("one_way", 500, 32)
    assert one["messages_per_s"] == 500 * 10**9 // one["time_ns"] and wait["type"] == "wait"
    assert one["notifications_per_1000"] >= 0
    status, output, _ = finish(sink)
    taken = of(objects(output), "taken")[0]
    assert status == DONE and (taken["messages"], taken["bytes"]) == (500, 500 * 32)
    ack = peers.start("ack", "--name=gamma", "--count=0", "--json", "--peer=delta")
    (trips,) = run(peers, "bench", "ack", "--count=20", "--peer=gamma", "--name=delta")
    assert (trips["type"], trips["count"]) == ("doorbell_round_trips", 20)
    ended = end(ack)
    assert ended[0]["type"] == "start" and ended[0]["peer_name"] == "delta"
    assert ended[-1]["doorbells"] >= 20


def test_metrics(peers):
    """What a peer declares, as ls, top and dump show it."""
    peers.echo("--name", "alpha")
    run(peers, "ping", "alpha", "--count=5", "--size=64")
    want = {"echo_messages": 5, "echo_bytes": 5 * 64}

    def values(metrics):
        return {one["name"]: one["value"] for one in metrics if one["kind"] == "counter"}

    # An answer is counted a moment after it was sent.
    until(lambda: values(of(run(peers, "ls"), "slot")[0]["metrics"]) == want)
    status, output, _ = peers.run("top", "--json", "--count=1", "--interval=0.2")
    assert status == DONE and values(json.loads(output)["peers"][0]["metrics"]) == want
    status, output, _ = peers.run("top", "--plain", "--count=1", "--interval=0.2")
    assert status == DONE and b"\nslot 0: echo_messages 5  echo_bytes 320\n" in output
    status, output, _ = peers.run("dump", "slots", "--json")
    shown = [json.loads(line) for line in output.splitlines()]
    shown = [one for one in shown if one["type"] == "metric" and one["slot"] == 0]
    assert {one["name"]: int(one["value"], 16) for one in shown} == want


def test_doorbells_by_hand(peers):
    peers.echo("--name", "alpha")
    (sent,) = run(peers, "bell", "alpha", "--count=3", "--vector=1")
    assert (sent["peer"], sent["peer_name"]) == (0, "alpha")
    assert (sent["vector"], sent["doorbells"]) == (1, 3)


def test_streams(peers):
    program = peers.start("streams", "--name=far", "--count=1", "--json")
    assert json.loads(program.stdout.readline())["type"] == "start"
    words = [peers.program, *map(str, peers.place), "cat", "far:stream-source"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT)
    assert done.returncode == DONE and len(done.stdout) == 65536
    status, output, _ = finish(program)
    assert status == DONE and of(objects(output), "served")[0]["connections"] == 1


def test_memory_files(peers, tmp_path):
    path = tmp_path / "memory"
    (created,) = run(peers, "mem", "create", path, "4M", place=())
    assert (created["type"], created["path"]) == ("created", str(path))
    assert (created["size_bytes"], created["slots"]) == (4 << 20, 8)
    made = run(peers, "mem", "info", path, place=())
    assert [one["type"] for one in made] == ["memory", "region", "server"]
    memory = made[0]
    assert memory["size_bytes"] == 4 << 20 and memory["no_region"] is None
    assert memory["user"] == os.getuid() and memory["mode"] == path.stat().st_mode & 0o7777
    assert memory["is_in_use"] is None and memory["processes"] == []
    assert made[1]["descs"] == created["descs"]
    (removed,) = run(peers, "mem", "rm", path, place=())
    assert removed == {"type": "removed", "path": str(path)} and not path.exists()


def test_capture(peers, tmp_path):
    path = tmp_path / "memory"
    run(peers, "mem", "create", path, "4M", place=())
    words = ("capture", f"--output={tmp_path}/out", "--time=0.2")
    (captured,) = run(peers, *words, place=("-f", path))
    assert (captured["type"], captured["messages"], captured["missed"]) == ("captured", 0, 0)


@pytest.mark.parametrize(
    "words, line",
    [
        (("recv", "--raw-output"), "ivsh: recv: --raw-output and --json: give one of them"),
        (("get", "alpha", "-"), "ivsh: get: FILE - and --json: both take standard output"),
        (("ls", "--prometheus"), "ivsh: ls: give --prometheus or --json, not both"),
        (("log", "0", "--raw"), "ivsh: log: give --raw or --json, not both"),
        (("cat", "alpha"), "ivsh: cat: --json means nothing here"),
        (("capture",), "ivsh: capture: --json: give --output=FILE: the packets would take"
                       " standard output"),
    ],
)  # fmt: skip
def test_contradictions(peers, words, line):
    assert peers.run(*words, "--json") == (USAGE, b"", [line])


def test_tune_has_one_output(peers):
    line = "ivsh: tune: --output=- and --json: both take standard output"
    words = ("tune", "--output=-", "--json")
    assert peers.run(*words, place=()) == (USAGE, b"", [line])


def test_errors_stay_text(peers):
    status, output, errors = peers.run("ping", "nobody", "--timeout=0.1", "--json")
    assert (status, output) == (4, b"") and len(errors) == 1
    assert errors[0].startswith("ivsh: ")


def test_version(peers):
    (version,) = run(peers, "version", place=())
    status, output, _ = peers.run("--version", place=())
    text = f"ivsh {version['program']}, region version {version['region']}\n"
    assert (status, output.decode()) == (DONE, text)
    assert run(peers, "--version", place=()) == [version]


@pytest.fixture(params=["full", "closed"])
def nowhere(request):
    """A standard output that takes nothing, and how a command ends: its status, and its line."""
    if request.param == "full":
        output = os.open("/dev/full", os.O_WRONLY)
        yield output, FAILED, b"ivsh: stdout: No space left on device\n"
    else:
        read, output = os.pipe()
        os.close(read)
        yield output, 128 + signal.SIGPIPE, b""
    os.close(output)


@pytest.mark.parametrize("style", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(
    "words",
    [
        ("ls",),
        ("dump",),
        ("version",),
        ("watch", "--count=1"),
        ("ping", "alpha", "--count=1"),
        ("bench", "echo", "--peer=alpha", "--count=2", "--histogram"),
        ("bell", "alpha"),
        ("echo",),
        ("sink",),
        ("streams",),
    ],
    ids=lambda words: words[0],
)
def test_output_fails(peers, nowhere, words, style):
    """A full disk and a broken pipe end a command as they end it without --json."""
    output, status, line = nowhere
    peers.echo("--name=alpha")
    place = () if words[0] == "version" else peers.place
    done = subprocess.run(
        [peers.program, *map(str, place), *words, *style],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        timeout=LIMIT,
    )
    assert (done.returncode, done.stderr) == (status, line)


def test_split_region(build, at, tmp_path):
    """Of a split region: a slot whose part is not used, and the bytes of each part."""
    folder = tmp_path / "split"
    words = ["mem", "create", "--split", folder, "1M", "--slots=3", "--json"]
    (made,) = objects(subprocess.check_output([build / "ivsh", *words]))
    with open(folder / "part-1", "r+b") as part:
        part.write(bytes(8))
    peers = at("-f", folder)
    for command in ("ls", "info"):
        status, output, errors = peers.run(command, "--json")
        shown = objects(output)
        assert (status, len(errors)) == (DONE, 1)
        assert of(shown, "no_part") == [{"type": "no_part", "slot": 1}]
        assert of(shown, "region")[0]["part_bytes"] > made["large_bytes"]
    output = tmp_path / "captured"
    status, lines, _ = peers.run("capture", f"--output={output}", "--time=1", "--json")
    assert (status, objects(lines)[0]["unseen_rings"]) == (DONE, 4)
    status, lines, _ = at().run("mem", "info", folder, "--json")
    assert status == DONE and of(objects(lines), "region")[0]["part_bytes"]
