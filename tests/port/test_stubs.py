# SPDX-License-Identifier: MIT
"""
test_stubs.py - each port compiles against the calls of its system that it uses, declared in
tests/port/stubs/NAME: for each architecture that it is meant for, with all warnings as errors. The
object then needs these calls, all of them, and no others but the library's.

What a stub declares is what that system's documents say; the system itself is not here. A stub's
header has the name that the port includes, and at file scope one declaration a line for each call.
What the system defines as a macro, or inline, is one here too.
"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUBS = pathlib.Path(__file__).resolve().parent / "stubs"
PORTS = ROOT / "lib" / "port"

X86_64 = "gcc" if "x86_64" in subprocess.getoutput("gcc -dumpmachine") else "x86_64-linux-gnu-gcc"
ARCHES = {
    "x86_64": [X86_64, "-mno-red-zone", "-mgeneral-regs-only"],
    "aarch64": ["aarch64-linux-gnu-gcc", "-mgeneral-regs-only", "-mno-outline-atomics"],
    "riscv64": ["riscv64-linux-gnu-gcc", "-mcmodel=medany"],
    "riscv32": ["riscv64-linux-gnu-gcc", "-march=rv32imac_zicsr", "-mabi=ilp32"],
    "i386": ["i686-linux-gnu-gcc", "-mgeneral-regs-only"],
    "armhf": ["arm-linux-gnueabihf-gcc"],
}

# What is compiled: port: (architectures, its system's standard and other words).
TABLE = {
    "freertos": (("aarch64", "riscv64", "riscv32", "x86_64", "armhf"), ["-std=c11"]),
    # What its Kconfig and Zephyr's define.
    "zephyr": (
        ("aarch64", "x86_64"),
        [
            *["-std=c17", "-iquote", PORTS, "-DCONFIG_IVSH_VECTORS=1"],
            *["-DCONFIG_IVSH_INT_PRIORITY=0", "-DCONFIG_SYS_CLOCK_TICKS_PER_SEC=10000"],
        ],
    ),
    "grub": (("x86_64", "i386"), ["-std=gnu11", "-iquote", PORTS]),
    "u-boot": (
        ("aarch64", "riscv64", "x86_64", "i386", "armhf"),
        ["-std=gnu11", "-iquote", PORTS, "-include", PORTS / "u-boot/types.h"],
    ),
    "nuttx": (("aarch64", "x86_64", "riscv64"), ["-std=gnu11", "-iquote", PORTS]),
    "unikraft": (("x86_64",), ["-std=gnu11", "-I", PORTS]),
}

# Whose README.md has a whole program, and for which architecture.
README = [("freertos", "riscv32"), ("freertos", "riscv64"), ("zephyr", "aarch64")]

WARN = "-Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wundef".split()
FREE = "-O2 -ffreestanding -fno-builtin -fno-pic -fno-pie -fno-stack-protector -nostdinc".split()
# What the compiler itself may call.
COMPILER = {"memcpy", "memmove", "memset", "memcmp"}


def compiler(arch):
    words = ARCHES[arch]
    include = subprocess.run(
        [words[0], "-print-file-name=include"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return [*words, *FREE, *WARN, "-isystem", include]


def compile_port(name, arch, source, to, stubs=None, more=()):
    """The compiler's end and what it says. stubs: a folder in place of the port's own."""
    _, words = TABLE[name]
    include = ["-I", stubs or STUBS / name, "-I", ROOT / "lib/include", "-I", PORTS / name]
    include += ["-iquote", ROOT / "lib"]
    argv = [*compiler(arch), *words, *more, *include, "-c", source, "-o", to]
    return subprocess.run(
        [str(word) for word in argv],
        env={**os.environ, "LC_ALL": "C"},  # for its quotation marks
        capture_output=True,
        text=True,
        check=False,
    )


def symbols(arch, path):
    """What an object needs, and what it defines for others."""
    nm = re.sub("gcc$", "nm", ARCHES[arch][0])
    listed = subprocess.run([nm, path], capture_output=True, text=True, check=True).stdout
    lines = [line.split()[-2:] for line in listed.splitlines()]
    return {name for kind, name in lines if kind == "U"}, {
        name for kind, name in lines if kind != "U" and kind.isupper()
    }


def declared(name):
    """The calls and variables that the stubs of a port declare: (header, line, symbol) of each."""
    found = []
    for path in sorted((STUBS / name).rglob("*.h")):
        text = re.sub(
            r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), path.read_text(), flags=re.S
        )
        for number, line in enumerate(text.splitlines()):
            call = re.match(r"(?!typedef\b|static\b)[A-Za-z_][\w \*]*?\b(\w+)\(", line)
            variable = re.match(r"extern\b[\w \*]*?\b(\w+)(\[\w*\])?;", line)
            if call or variable:
                found.append((path, number, (call or variable)[1]))
    return found


def sources(name):
    found = sorted((PORTS / name).glob("*.c"))
    assert found
    return found


CASES = [(name, arch) for name, (arches, _) in TABLE.items() for arch in arches]


@pytest.mark.parametrize("name, arch", CASES)
def test_compiles(tmp_path, name, arch):
    """With no call but those that are declared, and with each of them."""
    used, made, read = set(), set(), set()
    for source in sources(name):
        to, rule = tmp_path / f"{source.stem}.o", tmp_path / f"{source.stem}.d"
        done = compile_port(name, arch, source, to, more=["-MD", "-MF", rule])
        assert done.returncode == 0, done.stderr
        more = symbols(arch, to)
        used, made = used | more[0], made | more[1]
        read |= set(rule.read_text().split())
    # A header that the port includes on another architecture does not count on this one.
    stubs = {symbol for path, _, symbol in declared(name) if str(path) in read}
    others = {symbol for symbol in used - made - stubs - COMPILER if not symbol.startswith("ivsh_")}
    assert not others, f"{name}: calls that tests/port/stubs/{name} does not declare: {others}"
    unused = stubs - used
    assert not unused, f"tests/port/stubs/{name} declares what {name} does not use: {unused}"


@pytest.mark.parametrize("name, arch", README)
def test_readme(tmp_path, name, arch):
    """The program in the port's README.md compiles, and needs nothing else."""
    text = (PORTS / name / "README.md").read_text()
    source, to = tmp_path / "readme.c", tmp_path / "readme.o"
    blocks = re.findall(r"^```c\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    source.write_text("\n".join(blocks))
    done = compile_port(name, arch, source, to, more=["-Wno-missing-prototypes"])
    assert blocks and done.returncode == 0, done.stderr
    others = {symbol for symbol in symbols(arch, to)[0] if not symbol.startswith("ivsh_")}
    assert others <= {symbol for _, _, symbol in declared(name)} | COMPILER, others


@pytest.mark.parametrize("name", TABLE)
def test_each_stub_counts(tmp_path, name):
    """Without the declarations, the compiler misses each of the calls: so none came by itself."""
    folder = tmp_path / "stubs"
    shutil.copytree(STUBS / name, folder)
    assert declared(name)
    for path, number, _ in reversed(declared(name)):
        copy = folder / path.relative_to(STUBS / name)
        lines = copy.read_text().splitlines(keepends=True)
        end = number
        while not lines[end].rstrip().endswith(";"):
            end += 1
        copy.write_text("".join(lines[:number] + lines[end + 1 :]))
    arch = TABLE[name][0][0]
    ends = [
        compile_port(name, arch, source, tmp_path / "out.o", folder, ["-fsyntax-only"])
        for source in sources(name)
    ]
    errors = "".join(end.stderr for end in ends)
    missed = set(re.findall(r"(?:declaration of function '|error: ')(\w+)'", errors))
    kept = {symbol for _, _, symbol in declared(name)} - missed
    assert not kept, f"{name}: compiles without a declaration of {kept}"
