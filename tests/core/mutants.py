#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""mutants.py - the tests find mistakes in the order of a batch's stores, and in its repair.

Each mistake is made in a copy of one source. The test that is meant to find it is built with this
copy, and must fail, by a line about a check: a crash or a program that does not compile is no
verdict. Without a mistake each of these tests passes. SPEC R7.3.3, R7.9.2, R7.9.3.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["-std=c11", "-w", "-O1", "-D_GNU_SOURCE", "-DIVSH_HOOK"]
ROOTS = ["-Ilib/include", "-iquote", "lib", "-iquote", "."]
CC = os.environ.get("CC", "gcc").split()

BATCH, SENDER, RENEW = (f"lib/core/{name}.c" for name in ("batch", "sender", "renew"))

# The first message is stored first, and of the others the second one last.
LAST = (
    "\tpayload_put(ch, messages, first_control, first_body);\n"
    "\tdescriptor_store(&desc[0], wrap | first_control, first_body);\n"
)
OTHER = "\t\tdescriptor_prepare(&desc[n], wrap | control, body);\n"
FIRST_FIRST = [
    (BATCH, LAST, "\tif (n > 1)\n\t\tdescriptor_prepare(&desc[1], second[0], second[1]);\n"),
    (BATCH, "\trecord[0] = now;\n", "\tuint64_t second[2] = {0};\n\trecord[0] = now;\n" + LAST),
    (BATCH, OTHER, "\t\tif (n == 1)\n\t\t\tsecond[0] = wrap | control, second[1] = body;\n"
     "\t\telse\n\t" + OTHER),
]
NO_REPAIR = (SENDER, "\treturn ivsh_sender_retire(ch);\n", "\treturn 0;\n")
NOT_VALID = "!= ring_wrap(index, ch->shift))\n\t\t\t"
STOPS = (SENDER, NOT_VALID + "continue;\n", NOT_VALID + "break;\n")
STORE = "\t\tstore64_retire(control, before);\n"
CHECK = "\t\tif (!gap_is_ours(ch))\n\t\t\treturn IVSH_EPROTO;\n"
BOUND = "(int32_t)(end - index) > 0"
ENDLESS = (
    "control_wrap(load64(&ch->tx.desc[index & ch->mask].control)) == ring_wrap(index, ch->shift)"
)
MOVED = " && (ch->tx.closed || ivsh_sender_retire(ch) == 0)"

# What, the test and its arguments, and the changes: (file, text, what stands there instead).
CRASH, HOSTILE, MIGRATE = ["crash_test", "--batches"], ["hostile_test"], ["migrate_test"]
POLL = ["poll_test"]
MUTANTS = [
    ("nothing", CRASH, []),
    ("nothing", HOSTILE, []),
    ("nothing", MIGRATE, []),
    ("nothing", POLL, []),
    ("first message last, no repair", CRASH, [NO_REPAIR]),
    ("first message first, second last, no repair", CRASH, [*FIRST_FIRST, NO_REPAIR]),
    ("a repair of one descriptor", CRASH, [(SENDER, STORE, STORE + "\t\tbreak;\n")]),
    ("a repair that ends at what is not valid: no second one", CRASH, [STOPS]),
    ("a repair that takes any gap for a batch's", HOSTILE, [(SENDER, CHECK, "")]),
    ("a repair that goes on while there is something", POLL, [(SENDER, BOUND, ENDLESS)]),
    ("no repair where a machine was moved in a batch", MIGRATE, [(RENEW, MOVED, "")]),
]


def change(work, changes):
    """Copies of the files that the changes are made in: their names in the tree."""
    for name, text, instead in changes:
        copy = work / name
        source = (copy if copy.exists() else ROOT / name).read_text()
        if source.count(text) != 1:
            raise SystemExit(f"mutants: {name} has {source.count(text)} times: {text!r}")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(source.replace(text, instead))
    return {name for name, _, _ in changes}


def compile_one(source, target):
    subprocess.run([*CC, *FLAGS, *ROOTS, "-c", source, "-o", target], cwd=ROOT, check=True)


def objects(work):
    """Each source of the tests and the core, by its name in the tree."""
    names = [f"lib/core/{path.name}" for path in (ROOT / "lib/core").glob("*.c")]
    names += [f"tests/{name}.c" for name in ("core/world", "lib/test", "node/town")]
    names += [f"lib/node/{path.name}" for path in (ROOT / "lib/node").glob("*.c")]
    names += sorted({f"tests/core/{test[0]}.c" for _, test, _ in MUTANTS})
    made = {name: work / (name.replace("/", "_") + ".o") for name in names}
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: compile_one(name, made[name]), names))
    return made


def run(work, made, test, changes):
    """The output of the test with the changes made."""
    here = Path(tempfile.mkdtemp(dir=work))
    mutated = change(here, changes)
    for name in mutated:
        compile_one(here / name, here / (Path(name).stem + ".o"))
    parts = [here / (Path(name).stem + ".o") if name in mutated else path
             for name, path in made.items()
             if not name.endswith("_test.c") or name.endswith(f"/{test[0]}.c")]
    if test is HOSTILE:  # the others have a hook of their own
        (here / "hook.c").write_text("void ivsh_hook(int k, const void *w, unsigned s) {}\n")
        parts.append(here / "hook.c")
    subprocess.run([*CC, "-w", *parts, "-o", here / "test"], check=True)
    return subprocess.run(
        [here / "test", *test[1:]], capture_output=True, text=True, timeout=60, check=False
    ).stdout


def main():
    counts = {"passed": 0, "failed": 0}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        made = objects(work)
        for what, test, changes in MUTANTS:
            output = run(work, made, test, changes)
            failed = re.search(r"^\d+ passed, [1-9]\d* failed, 0 skipped$", output, re.MULTILINE)
            passed = re.search(r"^\d+ passed, 0 failed, 0 skipped$", output, re.MULTILINE)
            seen = failed and re.search("^FAIL: ", output, re.MULTILINE) if changes else passed
            counts["passed" if seen else "failed"] += 1
            verb = "seen" if changes else "passed"
            print(f"{'ok  ' if seen else 'FAIL'} {test[0]}: {what}: {'' if seen else 'not '}{verb}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
