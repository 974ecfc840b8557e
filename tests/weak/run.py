#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""run.py - executes the library's own sources under GenMC, a checker of weak memory. By hand.

usage: tests/weak/run.py FOLDER [WORD]

FOLDER is a build of GenMC: its binary genmc and its headers, include/. GenMC visits every execution
of a driver that a memory model allows: RC11 (C11's) and IMM, which allows what Arm, RISC-V and
POWER do. The sources are those of the library, as they stand; a mistake is made in a copy. WORD:
only rows that have it. The compiler is that of GenMC's LLVM: CLANG, LLVM_LINK and LLVM_AS name it.
"""

import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOLS = {name: os.environ.get(name.upper().replace("-", "_"), name + "-14")
         for name in ("clang", "llvm-link", "llvm-as")}
CORE = ("slot moved ring condition notify reset sender receiver check renew channel send receive "
        "inplace batch request wait layout text region place one_way").split()
LIMIT = int(os.environ.get("LIMIT", 900))  # seconds for one row

ACQUIRE = (r"load(32|64)_acquire\(", r"load\1(")
RELEASE = (r"store(32|64)_release\(", r"store\1(")
FULL = (r"fence_full\(\);", ";")

# The driver, its flags, the mistake or None, what it is.
# A mistake: (file, function, what, instead).
ROWS = [
    ("send", "-DMESSAGES=3 -DTRIES=2", None, "8 bytes, 3 messages"),
    ("send", "-DMESSAGES=3 -DDESCS=2", None, "8 bytes, 3 messages in a ring of 2"),
    ("send", "-DMESSAGES=3 -DSIZE=16", None, "payloads: the third takes the first one's place"),
    ("send", "-DMESSAGES=2 -DSIZE=16 -DTRIES=2", None, "payloads, 2 messages"),
    ("send", "-DMESSAGES=3 -DSIZE=16 -DINPLACE", None, "in place, 3 payloads"),
    ("send", "-DMESSAGES=2 -DINPLACE -DTRIES=2", None, "in place, 8 bytes"),
    ("send", "-DBATCH=2 -DTRIES=2", None, "a batch of 2, 8 bytes"),
    ("send", "-DBATCH=2 -DSIZE=16", None, "a batch of 2 payloads"),
    ("send", "-DBATCH=2 -DDESCS=16 -DTRIES=2", None, "a batch of 2, on the fast path"),
    ("send", "-DBATCH=2 -DDESCS=16 -DSIZE=16", None, "a batch of 2 payloads, on the fast path"),
    ("wake", "", None, "a message for a receiver that goes to sleep"),
    ("wake", "-DROOM", None, "room for a sender that goes to sleep"),
    ("reset", "-DCALLS=2", None, "a reset by the receiver"),
    ("reset", "-DCALLS=2 -DSIZE=16", None, "a reset, payloads"),
    ("reset", "-DCALLS=2 -DDEEP", None, "a reset to its end"),
    ("reset", "-DCALLS=2 -DDEEP -DSIZE=16", None, "a reset to its end, payloads"),
    ("text", "", None, "a name, read while it is written"),
    ("send", "", ("descriptor.h", "descriptor_store", *RELEASE), "control without release"),
    ("send", "-DSIZE=16", ("descriptor.h", "descriptor_store", *RELEASE), "the same, payloads"),
    ("send", "", ("descriptor.h", "descriptor_load", *ACQUIRE), "control without acquire"),
    ("send", "-DSIZE=16", ("descriptor.h", "descriptor_load", *ACQUIRE), "the same, payloads"),
    ("send", "-DINPLACE -DSIZE=16", ("descriptor.h", "descriptor_load", *ACQUIRE), "in place"),
    ("send", "-DBATCH=2 -DDESCS=16", ("descriptor.h", "descriptor_load", *ACQUIRE),
     "no acquire, batch"),
    ("send", "-DBATCH=2 -DDESCS=16", ("descriptor.h", "descriptor_store", *RELEASE),
     "no release, batch"),
    ("send", "-DMESSAGES=3 -DSIZE=16", ("receiver.c", "ivsh_receiver_publish", *RELEASE),
     "the read index without release"),
    ("send", "-DMESSAGES=3 -DSIZE=16", ("sender.c", "ivsh_sender_collect", *ACQUIRE),
     "the read index without acquire"),
    ("wake", "", ("ring.c", "ivsh_ring_notify", *FULL), "no fence behind the message"),
    ("wake", "", ("wait.c", "request_many", *FULL), "no fence behind the request"),
    ("wake", "-DROOM", ("ring.c", "ivsh_ring_notify", *FULL), "no fence behind the read index"),
    ("wake", "-DROOM", ("wait.c", "request_many", *FULL), "no fence behind the request, for room"),
    ("reset", "-DCALLS=2", ("reset.c", "ivsh_sender_restart",
     r"store32_release\(&own->reset_ack", "store32(&own->reset_ack"), "reset_ack without release"),
    ("reset", "-DCALLS=2", ("reset.c", "ivsh_receiver_follow",
     r"load32_acquire\(&other->reset_ack", "load32(&other->reset_ack"),
     "reset_ack without acquire"),
    ("reset", "-DCALLS=2 -DDEEP", ("reset.c", "ivsh_sender_restart",
     r"store32_release\(&own->generation", "store32(&own->generation"),
     "generation without release"),
    ("reset", "-DCALLS=2 -DDEEP", ("reset.c", "ivsh_receiver_follow",
     r"load32_acquire\(&other->generation", "load32(&other->generation"),
     "generation without acquire"),
    ("reset", "-DCALLS=2 -DDEEP", ("reset.c", "ivsh_receiver_follow",
     r"store32_release\(&own->generation_ack", "store32(&own->generation_ack"),
     "generation_ack without release"),
    ("reset", "-DCALLS=2 -DDEEP", ("reset.c", "ivsh_sender_follow",
     r"load32_acquire\(&ch->tx.other->generation_ack", "load32(&ch->tx.other->generation_ack"),
     "generation_ack without acquire"),
    ("text", "", ("text.c", "ivsh_text_write", r"fence_release\(\);", ";"), "no release fence"),
    ("text", "", ("text.c", "ivsh_text_read", r"fence_acquire\(\);", ";"), "no acquire fence"),
    ("text", "", ("text.c", "ivsh_text_end", *RELEASE), "the last count without release"),
    ("text", "", ("text.c", "ivsh_text_read", *ACQUIRE), "the first count without acquire"),
]


def call(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"run.py: {' '.join(command)}: {done.stderr}")


def make_mistake(work, mistake):
    """A copy of the file with the mistake in one function, below work/lib."""
    name, function, what, instead = mistake
    with open(os.path.join(ROOT, "lib", "core", name), encoding="utf-8") as f:
        text = f.read()
    body = re.search(r"^[^\n;]*\b" + function + r"\([^;{]*\)\n\{.*?^\}", text, re.M | re.S)
    wrong, times = re.subn(what, instead, body[0])
    if times == 0:
        sys.exit(f"run.py: {name}: {function}: there is no {what}")
    with open(os.path.join(work, "lib", "core", name), "w", encoding="utf-8") as f:
        f.write(text.replace(body[0], wrong))


# A message's fields are stored, and loaded, as one word: private memory, but of two sizes.
FIELDS = {
    "message_fill": "\tmessage->size = (uint32_t)control;\n"
                    "\tmessage->port = (uint16_t)(control >> 32);\n"
                    "\tmessage->flags = (uint16_t)(control >> 48);\n",
    "message_control": "\treturn (uint64_t)message->port << 32 | message->size;\n",
}


def make_fields(work):
    """A copy of fastpath.h that accesses a message's fields one by one."""
    with open(os.path.join(ROOT, "lib", "core", "fastpath.h"), encoding="utf-8") as f:
        text = f.read()
    for function, body in FIELDS.items():
        text, times = re.subn(r"(\b" + function + r"\([^;{]*\)\n\{\n).*?^\}",
                              lambda m, body=body: m[1] + body + "}", text, flags=re.M | re.S)
        if times != 1:
            sys.exit(f"run.py: fastpath.h: {function} is written otherwise")
    os.makedirs(os.path.join(work, "lib", "core"))
    with open(os.path.join(work, "lib", "core", "fastpath.h"), "w", encoding="utf-8") as f:
        f.write(text)


def build(genmc, work, driver, flags, mistake):
    """The driver and the library as one module."""
    make_fields(work)
    if mistake:
        make_mistake(work, mistake)
    parts = []
    for source in [f"lib/core/{name}.c" for name in CORE] + ["tests/weak/world.c", driver]:
        wrong = os.path.join(work, source)
        output = os.path.join(work, source.replace("/", "-") + ".bc")
        call(TOOLS["clang"], "-std=c11", "-O0", "-Xclang", "-disable-O0-optnone", "-fno-builtin",
             "-w", "-D_GNU_SOURCE", "-D__CONFIG_GENMC_INODE_DATA_SIZE=64",
             "-iquote", os.path.join(work, "lib"), "-iquote", "lib", "-iquote", ".",
             "-isystem", os.path.join(genmc, "include"), "-Ilib/include",
             "-include", "tests/weak/weak.h", *flags, "-emit-llvm",
             "-c", wrong if os.path.exists(wrong) else source, "-o", output)
        parts.append(output)
    module = os.path.join(work, "all.ll")
    call(TOOLS["llvm-link"], "-S", *parts, "-o", module)
    with open(module, encoding="utf-8") as f:
        text = f.read()
    # GenMC keeps one size for each address: a struct is copied as its words of 4 bytes.
    text = re.sub(r"call void @llvm\.memcpy\.p0i8\.p0i8\.i64\(i8\* align \d+ (%[^,]+), "
                  r"i8\* align \d+ (%[^,]+), i64 (\d+), i1 false\)",
                  r"call void bitcast (void (i32*, i32*, i64)* @weak_words to "
                  r"void (i8*, i8*, i64)*)(i8* \1, i8* \2, i64 \3)", text)
    text = re.sub(r"call void @llvm\.memset\.p0i8\.i64\([^)]*\)", "call void @weak_nothing()", text)
    with open(module, "w", encoding="utf-8") as f:
        f.write(text)
    call(TOOLS["llvm-as"], module, "-o", os.path.join(work, "all.bc"))


def run(genmc, model, row):
    """Whether the row is as expected."""
    driver, flags, mistake, title = row
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        build(genmc, work, f"tests/weak/{driver}.c", flags.split(), mistake)
        command = [os.path.join(genmc, "genmc"), f"--{model}", "--disable-mm-detector",
                   "--disable-estimation", "--input-from-bitcode-file",
                   os.path.join(work, "all.bc")]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
            output = done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            output = "timeout"
    found = re.search(r"Non-atomic race|Assertion violation: (.*)|timeout", output, re.I)
    whole = re.search(r"executions explored: (\d+)", output)
    blocked = re.search(r"blocked executions seen: (\d+)", output)
    if "No errors were detected" in output and whole:
        got = f"well, {whole[1]} executions, {blocked[1] if blocked else 0} cut"
        good = mistake is None and int(whole[1]) > 0
    else:
        got = found[0] if found else output[-300:]
        good = mistake is not None and found is not None and found[0] != "timeout"
    title += " (mistake)" if mistake else ""
    print(f"{'ok  ' if good else 'FAIL'} {model}: {driver}: {title}: {' '.join(got.split())}, "
          f"{time.monotonic() - start:.0f} s", flush=True)
    return good


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    genmc, word = os.path.abspath(sys.argv[1]), (sys.argv[2:] or [""])[0]
    # A store that comes before a load is a race of C11; in IMM as GenMC has it nothing goes wrong.
    results = [run(genmc, model, row) for row in ROWS for model in ("rc11", "imm")
               if word in " ".join((row[0], row[1], row[3]))
               and (model == "rc11" or "read index with" not in row[3])]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    return not all(results)


if __name__ == "__main__":
    sys.exit(main())
