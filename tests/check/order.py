#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""order.py - the compiled code orders its accesses of shared memory as SPEC.md requires.

usage: tests/check/order.py ARCHIVE...

ARCHIVE is build/TARGET/libivsh.a. TCG on x86 shows no weak order, so the instructions are the test:

accessors  each function of atomic.h is one access of its size, with its barriers, and no compiler
           makes one access of two, or none.
functions  order.txt has each function that orders its accesses, with the rules that require it. For
           this part nothing is inlined: so each function has its own accesses, in its own order.
archives   as they were built, inlined: the hot functions have their barriers in order; and there is
           no read-modify-write (SPEC R1.2), and no call in place of an access.
mistakes   in a copy, each acquire, release and fence of the sources is left out, one by one. The
           comparison with order.txt must see each of them. SPEC R5.6.4, R8.2.13.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FLAGS = ["-std=c11", "-w", "-ffreestanding", "-D_GNU_SOURCE", "-Ilib/include"]
ROOTS = ["-iquote", "lib", "-iquote", "host"]
APART = ["-O0", "-fno-inline"]
counts = {"passed": 0, "failed": 0}


def check(good, text):
    counts["passed" if good else "failed"] += 1
    if not good:
        print(f"FAIL: order: {text}")


# --- Processors -------------------------------------------------------------------------------
# What an access, or an order, is: instructions, or alternatives in a row of them, by "|". A barrier
# of RISC-V may order more than is asked for.
PROCESSORS = {
    "aarch64": {
        "tools": "aarch64-linux-gnu-",
        "flags": ["-mgeneral-regs-only", "-mstrict-align", "-mno-outline-atomics"],
        "clang": ["--target=aarch64-linux-gnu", "-mgeneral-regs-only", "-mno-outline-atomics"],
        "access": r"(ld|st|dmb|dsb|cas|swp)",
        "forbidden": r"(ldx|ldax|stx|stlx|cas|swp|ldadd|ldset|ldclr|ldeor|ldp.*\bxzr)",
        "order": r"(ldar|ldapr|stlr|dmb|dsb)",
        "load8": "ldrb w", "store8": "strb w", "load32": "ldr w", "store32": "str w",
        "load64": "ldr x", "store64": "str x",
        "acq4": "ldar w|ldapr w", "acq8": "ldar x|ldapr x", "rel4": "stlr w", "rel8": "stlr x",
        "facq": "dmb ishld", "frel": "dmb ish", "full": "dmb ish", "dev": "dmb oshst",
    },
    "riscv64": {
        "tools": "riscv64-linux-gnu-",
        "flags": ["-march=rv64gc", "-mabi=lp64d"],
        "clang": ["--target=riscv64-linux-gnu", "-march=rv64gc", "-mabi=lp64d", "-mno-relax"],
        # pause is encoded as a fence before nothing, which some objdumps print as such.
        "access": r"(l[bhwd]u? |s[bhwd] |fence(?! w,unknown)|amo|lr\.|sc\.)",
        "forbidden": r"(amo|lr\.|sc\.)",
        "order": r"(fence(?! w,unknown)|amo|lr\.|sc\.)",
        "load8": "lbu|lb", "store8": "sb", "load32": "lw|lwu", "store32": "sw",
        "load64": "ld", "store64": "sd",
        "acq4": "lw; fence r,rw|lwu; fence r,rw", "acq8": "ld; fence r,rw",
        "rel4": "fence rw,w; sw", "rel8": "fence rw,w; sd",
        "facq": "fence r,rw", "frel": "fence rw,w", "full": "fence rw,rw", "dev": "fence w,o",
    },
    "x86_64": {
        "tools": "",
        "flags": ["-mgeneral-regs-only", "-fcf-protection=none"],
        "clang": ["--target=x86_64-linux-gnu", "-mgeneral-regs-only"],
        "access": r"(mov\w* .*\(|lock|mfence|xchg .*\(|cmpxchg)",
        "forbidden": r"(lock (?!or)|xchg .*\(|cmpxchg)",
        "order": r"(lock|mfence|barrier)",
        # Loads and stores are ordered by themselves; what is left is the compiler's.
        "load8": "mov 1 load", "store8": "mov 1 store", "load32": "mov 4 load",
        "store32": "mov 4 store", "load64": "mov 8 load", "store64": "mov 8 store",
        "acq4": "mov 4 load", "acq8": "mov 8 load", "rel4": "mov 4 store", "rel8": "mov 8 store",
        "facq": "", "frel": "", "full": "barrier", "dev": "",
    },
    "armhf": {
        "tools": "arm-linux-gnueabihf-",
        "flags": [],
        "clang": None,
        "access": r"(ldr|str|ldm|stm|ldrd|strd|dmb|ldrex|strex|vldr|vstr)",
        "forbidden": r"(ldrex|strex|ldaex|stlex)",
        "order": r"dmb",
        # The high half is at 4: it is loaded first and stored last. SPEC R1.3.
        "load8": "ldrb", "store8": "strb", "load32": "ldr", "store32": "str",
        "load64": "ldr 4; ldr", "store64": "str; str 4", "retire": "str 4",
        "acq4": "ldr; dmb ish", "acq8": "ldr 4; dmb ish; ldr; dmb ish",
        "rel4": "dmb ish; str", "rel8": "str; dmb ish; str 4",
        "facq": "dmb ish", "frel": "dmb ish", "full": "dmb ish", "dev": "dmb sy",
    },
}


class Machine:
    """A processor with a compiler."""

    def __init__(self, name, clang=False):
        self.of = PROCESSORS[name]
        self.name = f"{name}, clang" if clang else name
        self.compiler = (["clang", *self.of["clang"]] if clang
                         else [self.of["tools"] + "gcc", *self.of["flags"]])

    def compile(self, source, output, flags):
        command = [*self.compiler, *FLAGS, *flags, *ROOTS, "-c", source, "-o", output]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"order.py: {' '.join(command)}: {done.stderr}")

    def functions(self, *paths):
        """[(object, function, its instructions)] of objects, or an archive"""
        text = subprocess.run([self.of["tools"] + "objdump", "-d", "--no-show-raw-insn", *paths],
                              check=True, capture_output=True, text=True).stdout
        comment = {"arm-linux-gnueabihf-": "@|;", "aarch64-linux-gnu-": "//|<"}
        comment = comment.get(self.of["tools"], "#|<")
        found, within = [], ""
        for line in text.splitlines():
            head = re.match(r"[0-9a-f]+ <([^>]+)>:", line)
            if " file format " in line:
                within = line.split(":")[0]
            elif head and not head[1].startswith((".", "$")):
                found.append((within, head[1].split(".")[0], []))
            elif found and re.match(r" *[0-9a-f]+:\t", line):
                words = re.split(comment, line.split("\t", 1)[1])[0]
                found[-1][2].append(" ".join(words.split()))
        return found

    def words(self, lines, which="access"):
        """The instructions that touch memory, or order it, without the numbers of registers."""
        return [word(line, self.of["tools"]) for line in lines if re.match(self.of[which], line)]


def word(line, tools):
    """An instruction in the words of PROCESSORS."""
    name, _, rest = line.partition(" ")
    if tools.startswith("aarch64"):
        return name + (" " + rest if name in ("dmb", "dsb") else " " + rest[:1])
    if tools.startswith("riscv64"):
        return f"fence {rest or 'iorw,iorw'}" if name == "fence" else name
    if tools.startswith("arm"):
        name = name.split(".")[0]
        return name + (" " + rest if name == "dmb" else " 4" if ", #4]" in rest else "")
    if name in ("lock", "mfence"):
        return "barrier"
    register = re.search(r"%(r|e)?[a-z0-9]+(?![^(]*\))", rest)
    wide = {"b": 1, "l": 4, "q": 8}.get(name[3:4])
    if wide is None:
        wide = {"r": 8, "e": 4}.get(register[1], 1)
    if name == "movzbl":
        wide = 1
    return f"mov {wide} {'store' if rest.endswith(')') else 'load'}"


def is_like(got, want):
    if not want.startswith("fence"):
        return got == want
    if not got.startswith("fence"):
        return False
    have, need = got.split()[1].split(","), want.split()[1].split(",")
    return set(need[0]) <= set(have[0]) and set(need[1]) <= set(have[1])


def rows(alternatives):
    """The alternatives of PROCESSORS as lists of words."""
    return [[w for w in row.split("; ") if w] for row in alternatives.split("|")]


def matches(got, alternatives):
    return any(len(got) == len(row) and all(map(is_like, got, row)) for row in rows(alternatives))


# --- Accessors --------------------------------------------------------------------------------
ACCESSORS = {
    "load8": ("load8", "uint8_t f(const uint8_t *p) { return load8(p); }"),
    "store8": ("store8", "void f(uint8_t *p, uint8_t v) { store8(p, v); }"),
    "load32": ("load32", "uint32_t f(const uint32_t *p) { return load32(p); }"),
    "load32_acquire": ("acq4", "uint32_t f(const uint32_t *p) { return load32_acquire(p); }"),
    "store32": ("store32", "void f(uint32_t *p, uint32_t v) { store32(p, v); }"),
    "store32_release": ("rel4", "void f(uint32_t *p, uint32_t v) { store32_release(p, v); }"),
    "load64": ("load64", "uint64_t f(const uint64_t *p) { return load64(p); }"),
    "load64_acquire": ("acq8", "uint64_t f(const uint64_t *p) { return load64_acquire(p); }"),
    "store64": ("store64", "void f(uint64_t *p, uint64_t v) { store64(p, v); }"),
    "store64_release": ("rel8", "void f(uint64_t *p, uint64_t v) { store64_release(p, v); }"),
    "store64_retire": ("retire", "void f(uint64_t *p, uint64_t v) { store64_retire(p, v); }"),
    "fence_full": ("full", "void f(void) { fence_full(); }"),
    "fence_acquire": ("facq", "void f(void) { fence_acquire(); }"),
    "fence_release": ("frel", "void f(void) { fence_release(); }"),
    "order_registers": ("dev", "void f(void) { order_registers(); }"),
    # Of two words, or of one twice, a compiler must not make one access.
    "two loads": ("load32 load32",
                  "uint32_t f(const uint32_t *p) { return load32(p) ^ load32(p + 1); }"),
    "two stores": ("store32 store32",
                   "void f(uint32_t *p, uint32_t v) { store32(p, v); store32(p + 1, v); }"),
    "one word twice": ("load32 load32",
                       "uint32_t f(const uint32_t *p) { return load32(p) - load32(p); }"),
    "stored twice": ("store32 store32", "void f(uint32_t *p) { store32(p, 1); store32(p, 2); }"),
}


def wanted(machine, orders):
    """The alternatives of several orders in a row."""
    found = [""]
    for order in orders.split():
        of = machine.of.get(order) or (machine.of["store64"] if order == "retire" else "")
        found = ["; ".join(w for w in (a, b) if w) for a in found for b in of.split("|")]
    return "|".join(found)


def check_accessors(machine, work):
    for name, (orders, function) in ACCESSORS.items():
        source = os.path.join(work, "accessor.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(f'#include "core/atomic.h"\n#include "device/order.h"\n{function}\n')
        machine.compile(source, source + ".o", ["-O2", "-fomit-frame-pointer"])
        lines = dict((f, lines) for _, f, lines in machine.functions(source + ".o"))["f"]
        got = machine.words(lines)
        if machine.name == "armhf" and "two" in name:  # not the halves of one
            got = [w.replace(" 4", "") for w in got]
        check(matches(got, wanted(machine, orders)), f"{machine.name}: {name}: {'; '.join(got)}")


# --- Functions --------------------------------------------------------------------------------
def table():
    """{function: its orders}"""
    found = {}
    with open(os.path.join(HERE, "order.txt"), encoding="utf-8") as f:
        for line in f:
            words = line.split("#")[0].split()
            if words:
                found[words[0]] = [w for w in words[1:] if not w.startswith("R")]
                assert all(re.fullmatch(r"R\d+(\.\d+)*", w) for w in words if w[0] == "R"), line
    return found


def sources():
    """What orders accesses: the library, and the server's page."""
    found = ["host/server/page.c"]
    for room in ("core", "node", "device"):
        names = sorted(os.listdir(os.path.join(ROOT, "lib", room)))
        found += [f"lib/{room}/{name}" for name in names if name.endswith(".c")]
    return found


def expected(machine, orders):
    """What a function with these orders has of the words that order something."""
    return [w for o in orders for w in rows(machine.of[o])[0] if re.match(machine.of["order"], w)]


def differences(machine, found, names):
    """What differs from order.txt in one object."""
    bad = []
    for function, got in found.items():
        want = expected(machine, names.get(function, []))
        if len(got) != len(want) or not all(map(is_like, got, want)):
            bad.append(f"{function}: has {'; '.join(got)}, not {'; '.join(want) or 'nothing'}")
    return bad


def apart(machine, work, of):
    """{source: {function: the words that order something}} of these sources, nothing inlined"""
    folder = os.path.join(work, machine.name.replace(", ", "-"))
    os.mkdir(folder)
    outputs = {os.path.join(folder, s.replace("/", "-") + ".o"): s for s in of}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda o: machine.compile(outputs[o], o, APART), outputs))
    found = {source: {} for source in outputs.values()}
    for output, function, lines in machine.functions(*outputs):
        found[outputs[output]][function] = machine.words(lines, "order")
    return found


def check_functions(machine, work, names, of):
    every = apart(machine, work, of)
    for source, found in every.items():
        bad = differences(machine, found, names)
        check(not bad, f"{machine.name}: {source}: {', '.join(bad)}")
    gone = set(names) - {f for found in every.values() for f in found}
    check(not gone, f"order.txt: {sorted(gone)}: no such function")
    return every


# --- Archives ---------------------------------------------------------------------------------
# The hot functions: their orders in a row. Static functions may be inlined or not.
HOT = [
    ("send.o", "ivsh_chan_send", "rel8"),
    ("send.o", "send_small send_end_far send_end", "rel8"),
    ("receive.o", "ivsh_chan_receive", "acq8 facq"),
    ("receive.o", "receive_sized", "facq"),
    ("batch.o", "put_many ivsh_chan_send_batch", "rel8"),
    ("batch.o", "take_many ivsh_chan_receive_batch", "acq8 facq"),
    ("inplace.o", "ivsh_chan_publish", "rel8"),
    ("inplace.o", "ivsh_chan_peek", "acq8"),
    ("inplace.o", "ivsh_chan_release", "facq"),
    ("fast.o", "ivsh_node_send", "rel8"),
    ("fast.o", "ivsh_node_receive", "acq8 facq"),
    ("receiver.o", "ivsh_receiver_publish", "rel4"),
    ("sender.o", "ivsh_sender_collect", "acq4"),
    ("sender.o", "reserved_store ivsh_sender_publish", "rel8"),
    ("ring.o", "ivsh_ring_notify", "full"),
    ("wait.o", "request_many sleep_once ivsh_regions_wait", "full"),
    ("reset.o", "ivsh_sender_restart", "rel4 rel4 rel4"),
    ("reset.o", "ivsh_sender_follow", "acq4 acq4"),
    ("reset.o", "ivsh_receiver_follow", "acq4 acq4 rel4 rel4"),
    ("device.o", "doorbell_notify", "dev"),
]


def has_row(got, want):
    """Whether (want) is in (got), in this order, with anything between."""
    left = iter(got)
    return all(any(is_like(g, w) for g in left) for w in want)


def check_archive(path):
    name = re.match(r"build/(?:uefi-)?([a-z0-9_]+)(-linux)?/", path)[1]
    name = {"host": "x86_64", "armv7m": "armhf"}.get(name, name)
    if name not in PROCESSORS:
        return
    machine = Machine(name)
    functions = machine.functions(path)
    bad = sorted({f"{o}: {f}: {line}" for o, f, lines in functions for line in lines
                  if re.match(machine.of["forbidden"], line)})
    check(functions and not bad, f"{path}: a read-modify-write: {', '.join(bad)}")
    calls = subprocess.run([machine.of["tools"] + "nm", "-u", path], check=True,
                           capture_output=True, text=True).stdout
    bad = sorted(set(re.findall(r"__(?:atomic|sync|aarch64|c11)_\w+", calls)))
    check(not bad, f"{path}: a call in place of an access: {bad}")
    for within, names, orders in HOT:
        got = [w for f in names.split() for o, g, lines in functions if o == within and f == g
               for w in machine.words(lines, "order")]
        check(has_row(got, expected(machine, orders.split())),
              f"{path}: {within}: {names}: has {'; '.join(got)}, not {orders}")


# --- Mistakes ---------------------------------------------------------------------------------
LEFT_OUT = [
    (r"\b(load(?:32|64))_acquire\(", r"\1("),
    (r"\b(store(?:32|64))_release\(", r"\1("),
    (r"\b(?:fence_(?:full|acquire|release)|order_registers)\(\);", ";"),
    (r"__ATOMIC_(?:ACQUIRE|RELEASE)\b", "__ATOMIC_RELAXED"),
    (r"dmb oshst", "nop"),
]
# A header's mistake shows in one of those that include it.
INCLUDED = {"lib/core/descriptor.h": ["lib/core/send.c", "lib/core/receive.c"],
            "lib/core/slot.h": ["lib/core/next.c"], "lib/core/server.h": ["lib/core/wait.c"],
            "lib/device/order.h": ["lib/device/device.c"],
            "lib/core/atomic.h": ["lib/core/send.c", "lib/core/receive.c", "lib/core/reset.c",
                                  "lib/core/ring.c", "lib/core/text.c"]}


def mistakes():
    """[(file, the file's text with one order left out, which one)]"""
    found = []
    for path in sources() + sorted(INCLUDED):
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            text = f.read()
        code = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)
        for pattern, instead in LEFT_OUT:
            for m in re.finditer(pattern, code):
                line = code.count("\n", 0, m.start()) + 1
                row = code.splitlines()[line - 1]
                # Not: definitions, another processor's code, and what only the compiler sees.
                if ("static" in row or "signal_fence" in row or
                        path.endswith("order.h") and "__ATOMIC_" in m[0]):
                    continue
                if path.endswith("atomic.h") and not (m[0][0] == "_" and is_compiled(code, m)):
                    continue
                found.append((path, text[:m.start()] + m.expand(instead) + text[m.end():],
                              f"{path}:{line}: {m[0]}"))
    return found


def is_compiled(code, at):
    """Whether a place of atomic.h is code for aarch64: not another machine's, or halves."""
    depth = []
    for m in re.finditer(r"^#(if|ifdef|ifndef|else|endif)(.*)$", code[:at.start()], re.M):
        if m[1].startswith("if"):
            depth.append("__riscv" not in m[2] and "IVSH_HOOK" not in m[2])
        elif m[1] == "else":
            depth[-1] = not depth[-1]
        else:
            depth.pop()
    return all(depth)


def is_seen(machine, work, names, number, mistake, without):
    """Whether order.txt shows the mistake, in a copy of its file. (without): what apart() found."""
    path, text, _ = mistake
    copy = os.path.join(work, f"copy{number}")
    target = os.path.join(copy, path)
    os.makedirs(os.path.dirname(target))
    with open(target, "w", encoding="utf-8") as f:
        f.write(text)
    seen = False
    for source in INCLUDED.get(path, [path]):
        output = os.path.join(copy, "apart.o")
        machine.compile(target if source == path else source, output,
                        [*APART, "-iquote", os.path.join(copy, "lib")])
        found = {f: [] for f in without[source] if f in names}
        found.update({f: machine.words(w, "order") for _, f, w in machine.functions(output)})
        seen |= bool(differences(machine, found, names))
    shutil.rmtree(copy)
    return seen


def check_mistakes(machine, work, names, without):
    every = mistakes()
    check(len(every) >= 60, f"only {len(every)} mistakes: the sources are written otherwise")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(pool.map(
            lambda n: is_seen(machine, work, names, n, every[n], without), range(len(every))))
    for good, (_, _, what) in zip(seen, every):
        check(good, f"a mistake is not seen: {what}, left out")
    print(f"{sum(seen)} of {len(every)} mistakes seen")


def main():
    names = table()
    with tempfile.TemporaryDirectory() as work:
        for name in PROCESSORS:
            for clang in (False, True) if PROCESSORS[name]["clang"] else (False,):
                check_accessors(Machine(name, clang), work)
        machine = Machine("aarch64")
        every = check_functions(machine, work, names, sources())
        check_mistakes(machine, work, names, every)
        # Nothing is said of clang's functions for RISC-V: before its version 16 a fence for signals
        # alone is one for processors, too.
        some = [source for source, found in every.items() if any(found.values())]
        for machine in Machine("x86_64"), Machine("riscv64"), Machine("aarch64", True):
            check_functions(machine, work, names, some)
    for path in sys.argv[1:]:
        check_archive(path)
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    return counts["failed"] != 0


if __name__ == "__main__":
    sys.exit(main())
