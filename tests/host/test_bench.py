# SPDX-License-Identifier: MIT
"""test_bench.py - bench: the rows that it prints, and what it draws, are what it measured."""

import json
import os
import re
import xml.etree.ElementTree

import pytest

from peertool import DONE, FAILED, NO_PEER, TIMEOUT, USAGE

COUNT = 2000
SVG = "{http://www.w3.org/2000/svg}"
MARKS = ["p50", "p90", "p99", "p99.9", "max"]
TIMES = re.compile(r"(min|p50|p90|p99|p99\.9|max) (\d+\.\d\d)\b")
UNITS = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}


def run(peers, *words, kind="echo"):
    """The lines of a bench."""
    what = ("bench", kind, f"--count={COUNT}", "--timeout=60", *words)
    status, output, errors = peers.run(*what)
    assert (status, errors) == (DONE, [])
    return output.decode().splitlines()


def rows(lines):
    """(bound, bar, count, percent) of each row of the histogram, and the figures below them."""
    first = next(i for i, line in enumerate(lines) if line.startswith("from, us"))
    shape = r" *(\d+\.\d\d)([ +])\|(#*|\.) * (\d+) +(\d+\.\d)%"
    found = [re.fullmatch(shape, line) for line in lines[first + 1 : -1]]
    assert all(found), lines
    assert max(map(len, lines[first:-1])) <= 80
    assert [line[2] for line in found][:-1] == [" "] * (len(found) - 1)
    return [(float(r[1]), r[3], int(r[4]), float(r[5])) for r in found], lines[-1]


def microseconds(text):
    number, unit = text.split()
    return float(number) * UNITS[unit]


@pytest.mark.parametrize("kind", ["echo", "ack"])
def test_histogram(peers, kind):
    if kind == "echo":
        peers.echo("--name", "it")
    else:
        peers.start("ack", "--name", "it")
    lines = run(peers, "--histogram", "--peer=it", kind=kind)
    found, last = rows(lines)
    assert sum(count for _, _, count, _ in found) == COUNT
    assert 1 <= len(found) <= 16
    bounds = [bound for bound, _, _, _ in found]
    assert bounds == sorted(set(bounds))
    most = max(count for _, _, count, _ in found)
    for _, bar, count, percent in found:
        assert abs(percent - 100 * count / COUNT) < 0.11
        assert bar == "#" * int(48 * count / most + 0.5) or (bar == "." and 0 < count < most / 90)
    assert last.startswith(f"count {COUNT}, us: min ")
    figures = dict(TIMES.findall(last))
    assert list(figures) == ["min", *MARKS]
    assert dict(TIMES.findall(lines[0])).items() <= figures.items()
    assert bounds[0] <= float(figures["min"]) and bounds[-1] <= float(figures["max"])


def test_plot(peers, tmp_path):
    peers.echo("--name", "a <b> & \"c\"")
    path = tmp_path / "times.svg"
    path.write_text("before")
    path.chmod(0o640)
    lines = run(peers, "--histogram", "--plot", path)
    figures = dict(TIMES.findall(lines[-1]))
    root = xml.etree.ElementTree.parse(path).getroot()
    assert root.tag == SVG + "svg" and path.stat().st_mode & 0o777 == 0o640
    text = {node.get("id"): node.text for node in root.iter(SVG + "text") if node.get("id")}
    assert text["title"] == f"bench echo: {COUNT} round trips of 8 bytes"
    assert text["machine"].startswith('with slot 0 (a <b> & "c"), --wait spin, on Linux, ')
    model = re.search(r"^model name\s*: (.*)", open("/proc/cpuinfo").read(), re.MULTILINE)
    assert not model or model[1][:60] in text["machine"]
    # The figures are those that are printed.
    names = [node.text for node in root.iter(SVG + "text") if node.get("class") == "name"]
    assert names == [f"{name} {figures[name]} us" for name in MARKS]
    # Every time is in a bar, whose height is in step with its count.
    bars = [node for node in root.iter(SVG + "rect") if node.get("class") == "bar"]
    counts = []
    for bar in bars:
        found = re.fullmatch(r"(.+) to (.+): (\d+)", bar.find(SVG + "title").text)
        assert microseconds(found[1]) < microseconds(found[2])
        counts.append(int(found[3]))
        up = float(bar.get("height"))
        assert abs(float(bar.get("y")) + up - 400) < 0.2 and 0 < float(bar.get("width")) < 760
    assert sum(counts) == COUNT
    for bar, count in zip(bars, counts):
        assert abs(float(bar.get("height")) - max(1, 240 * count / max(counts))) <= 0.11
    # Percentiles stand in or at the bar that has them, in order.
    across = [float(n.get("x1")) for n in root.iter(SVG + "line") if n.get("class") == "mark"]
    assert across == sorted(across) and 70 <= across[0] and across[-1] <= 830
    # Both axes have numbers, the one from 0 on; and both kinds of background have colours.
    ticks = [int(n.text) for n in root.iter(SVG + "text") if n.get("class") == "count"]
    assert ticks[0] == 0 and 2 <= len(ticks) <= 7 and ticks[-1] <= max(counts)
    times = [n.text for n in root.iter(SVG + "text") if n.get("class") == "time"]
    assert 2 <= len(times) <= 18 and len(set(times)) == len(times)
    assert sorted(times, key=microseconds) == times
    assert "prefers-color-scheme:dark" in root.find(SVG + "style").text
    assert not re.search(r"20\d\d-\d\d|:\d\d:", path.read_text()), "no date"


def test_json(peers):
    """The same figures, and rows, as an object."""
    peers.echo()
    found = [json.loads(line) for line in run(peers, "--histogram", "--json")]
    assert [one["type"] for one in found] == ["round_trips", "wait", "histogram"]
    spread = found[2]
    assert (spread["command"], spread["count"]) == ("bench", COUNT)
    for name in ("min_ns", "p50_ns", "p99_ns", "max_ns"):
        assert spread[name] == found[0][name]
    assert spread["p50_ns"] <= spread["p90_ns"] <= spread["p99_ns"] <= spread["p99_9_ns"]
    assert sum(row["count"] for row in spread["rows"]) == COUNT
    bounds = [row["from_ns"] for row in spread["rows"]]
    assert bounds == sorted(set(bounds)) and bounds[0] <= spread["min_ns"]


@pytest.mark.parametrize("path", ["none/x.svg", "file/x.svg", "."])
def test_plot_nowhere(peers, tmp_path, path):
    """Before anything is measured: nobody answers here."""
    (tmp_path / "file").touch()
    path = tmp_path / path
    status, output, errors = peers.run("bench", "--plot", path)
    assert (status, output, len(errors)) == (FAILED, b"", 1)
    assert errors[0].startswith(f"ivsh: {path}: ")


def test_plot_of_nothing(peers, tmp_path):
    """A bench that fails leaves what was there, and nothing else."""
    before = sorted(os.listdir(tmp_path))
    path = tmp_path / "times.svg"
    assert peers.run("bench", "--plot", path, "--timeout=0.1")[0] == NO_PEER
    peers.start("recv", "--count=0", "--name=deaf")
    peers.await_row("deaf")
    assert peers.run("bench", "--plot", path, "--timeout=0.2")[0] == TIMEOUT
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    "words, text",
    [
        (("bench", "sink", "--plot=x"), "bench sink: --plot: it times no single message: echo,"),
        (("bench", "sink", "--histogram"), "bench sink: --histogram: it times no single message"),
        (("ping", "0", "--histogram"), "ping: --histogram means nothing here"),
        (("bench", "--plot=-"), "--plot=-: give a file: standard output has the figures"),
        (("bench", "--plot="), "--plot: needs a value: --plot=FILE"),
        (("bench", "--plot=a", "--plot=b"), "--plot: only once"),
    ],
)
def test_usage(peers, words, text):
    status, output, errors = peers.run(*words)
    assert (status, output, len(errors)) == (USAGE, b"", 1)
    assert errors[0].startswith(f"ivsh: {text}")
