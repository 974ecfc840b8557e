# SPDX-License-Identifier: MIT
"""What the benchmark's report says of given measurements: verdicts by class, by goal, by count."""

import json
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "native")]
import report  # noqa: E402
from goals import FEW, OF_LIMIT, OF_PEER  # noqa: E402

PING = {"sibling": 50, "cluster": 100, "far": 300}
GOALS = [
    *[(mode, size, "pingpong" if size == 8 else "slot", m) for (mode, size), m in OF_LIMIT.items()],
    *[(mode, size, "boost", most) for (mode, size), most in OF_PEER.items()],
]


def lines(name, mode, size, ns, place="cluster", count=FEW):
    """As the program prints them: (count) slices whose median is (ns)."""
    return [
        f"{name} {mode} {size} {place} {ns * (0.9 + 0.2 * i / (count - 1)):.4f} {PING[place]}"
        for i in range(count)
    ]


@pytest.fixture(name="judged")
def judged_by(tmp_path, monkeypatch, capsys):
    """Runs the report on such lines: its text, and {class: {(mode, size, against): answer}}."""

    def run(*groups):
        measured, output = tmp_path / "lines", str(tmp_path / "bench")
        measured.write_text("".join(f"{line}\n" for group in groups for line in group))
        monkeypatch.setattr(sys, "argv", ["report.py", "/bin/cat", output, str(measured)])
        report.main()
        assert os.path.exists(output + ".svg")
        with open(output + ".json", encoding="utf-8") as file:
            classes = json.load(file)["classes"]
        answers = {
            place: {(a["mode"], a["size"], a["against"]): a for a in found["goals"]}
            for place, found in classes.items()
        }
        return capsys.readouterr().out, answers

    return run


@pytest.mark.parametrize("mode, size, against, most", GOALS)
def test_goal(judged, mode, size, against, most):
    def answer(ratio):
        _, answers = judged(
            lines("ivsh", mode, size, 100 * ratio), lines(against, mode, size, 100)
        )
        return answers["cluster"][mode, size, against]

    assert answer(most * 0.999)["verdict"] == "reached"
    missed = answer(most * 1.001)
    assert (missed["verdict"], missed["most"]) == ("missed", most)
    assert missed["ratio"] == pytest.approx(most * 1.001, rel=1e-3)


def test_best_peer(judged):
    text, answers = judged(
        lines("ivsh", "stream", 1024, 100),
        lines("boost", "stream", 1024, 300),
        lines("ck_ring", "stream", 1024, 120),
        lines("rte_ring", "stream", 1024, 200),
        lines("textbook", "stream", 1024, 50),
        lines("unix_packet", "stream", 1024, 60),
    )
    assert answers["cluster"]["stream", 1024, "ck_ring"]["verdict"] == "missed"
    assert "0 goals reached, 1 missed, 0 not judged" in text


@pytest.mark.parametrize("few", ["ivsh", "boost", "ck_ring"])
def test_too_few(judged, few):
    """Also where it is not the best peer that has too few: more slices could make it the best."""
    text, answers = judged(
        *[
            lines(name, "stream", 256, ns, count=FEW - (name == few))
            for name, ns in (("ivsh", 10), ("boost", 100), ("ck_ring", 110))
        ],
        lines("pingpong", "roundtrip", 8, 100),
    )
    verdict = answers["cluster"]["stream", 256, "boost"]["verdict"]
    assert verdict == f"not judged: {FEW - 1} of {FEW} slices"
    assert "0 goals reached, 0 missed, 1 not judged" in text


def test_classes(judged):
    """Each class is judged by its own limit, and one with few slices is named but not judged."""
    text, answers = judged(
        lines("ivsh", "roundtrip", 8, 105),
        lines("pingpong", "roundtrip", 8, 100),
        lines("ivsh", "roundtrip", 8, 360, "far"),
        lines("pingpong", "roundtrip", 8, 300, "far"),
        lines("ivsh", "roundtrip", 8, 51, "sibling", 3),
        lines("pingpong", "roundtrip", 8, 50, "sibling", 3),
    )
    cell = "roundtrip", 8, "pingpong"
    assert answers["cluster"][cell]["verdict"] == "reached"
    assert answers["far"][cell]["verdict"] == "missed"
    assert answers["far"][cell]["ratio"] == pytest.approx(1.2, rel=1e-3)
    assert answers["sibling"] == {}
    assert f"at most 3 of a cell, which needs {FEW}: not judged" in text
    assert "one class only" not in text


def test_one_class(judged):
    text, _ = judged(lines("ivsh", "stream", 8, 10))
    assert "class far (two cores far apart): not met" in text
    assert "This run met one class only" in text
    assert "of the best ring" in text and "not measured" in text


def test_tuned(judged):
    """Never worse than the default, beyond a tie; between far cores twice as fast in two cells."""

    def verdict(place, size, ns):
        _, answers = judged(
            lines("ivsh", "stream", size, 100, place),
            lines("ivsh_tuned", "stream", size, ns, place),
        )
        return answers[place]["stream", size, "ivsh"]["verdict"]

    assert verdict("cluster", 1024, 107) == verdict("far", 4096, 107) == "reached"
    assert verdict("cluster", 1024, 109) == verdict("far", 4096, 109) == "missed"
    assert verdict("far", 256, 49) == verdict("far", 1024, 49) == "reached"
    assert verdict("far", 256, 51) == verdict("far", 1024, 51) == "missed"


def test_geometry_file(tmp_path):
    """Stands for what it says; --tuned alike. Three numbers are handed on as they are."""
    path = tmp_path / "geometry"
    path.write_text("# far\n\ndescs = 1024\nsmall-size = 256K\nlarge-size=2M\n")
    assert report.with_geometry(f"--geometry={path}") == "--geometry=1024,262144,2097152"
    assert report.with_geometry(f"--tuned={path}") == "--tuned=1024,262144,2097152"
    assert report.with_geometry("--tuned=64,4096,8192") == "--tuned=64,4096,8192"
    whole = path.read_text()
    wrong = ["descs = 1024\nsmall-size = 4K\n", "descs = x\n", "descs\n", whole + "descs = 64\n"]
    for text in [*(text.encode() for text in wrong), b"\xff\xfe"]:
        path.write_bytes(text)
        with pytest.raises(SystemExit, match="a geometry file has"):
            report.with_geometry(f"--geometry={path}")
    for name, what in ((tmp_path / "none", "No such file"), (tmp_path, "not a regular file")):
        with pytest.raises(SystemExit, match=what):
            report.with_geometry(f"--tuned={name}")


def test_nothing(judged):
    with pytest.raises(SystemExit, match="not one good slice"):
        judged([])
