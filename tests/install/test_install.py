# SPDX-License-Identifier: MIT
"""test_install.py - what `make install` leaves is whole: programs are made of the installed files
alone, and talk; no installed file knows the source tree; `make uninstall` leaves nothing."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from machine import MACHINES, ROOT
from qemu import DONE, SOAK, doorbell

# Where one architecture is as good as another.
SOME = MACHINES if SOAK else ["x86_64"]

# What a user has who has never seen the source tree.
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


def make(goal, **variables):
    """`make install` or `make uninstall`, as a user calls it."""
    words = ["make", "-s", "-C", ROOT, goal]
    words += [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(words, capture_output=True, text=True, env=CLEAN, check=False)


def installed(goal="install", **variables):
    done = make(goal, **variables)
    assert (done.returncode, done.stderr) == (0, ""), variables


def everything(folder):
    """Every path below (folder)."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class Sdk:
    """An installation in a prefix of its own, and a folder to work in, with the examples."""

    def __init__(self, folder):
        self.top, self.prefix, self.work = folder, folder / "opt/ivsh", folder / "work"
        installed(PREFIX=self.prefix, SYSCONFDIR=folder / "etc")
        examples = self.prefix / "share/doc/ivsh/examples"
        shutil.copytree(examples, self.work)
        self.env = {**CLEAN, "PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig")}

    def run(self, *words):
        """A command in the folder to work in; its output, without the last line end."""
        words = [str(word) for word in words]
        done = subprocess.run(words, cwd=self.work, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout.rstrip("\n")

    def pkg_config(self, *words):
        return self.run("pkg-config", *words).split()

    def guest(self, packages, name, *sources):
        """Link (sources) into NAME.elf by pkg-config; the image's name for World.guest()."""
        (cc,) = self.pkg_config("--variable=cc", packages[-1])
        flags, libs = self.pkg_config("--cflags", *packages), self.pkg_config("--libs", *packages)
        files = "-o", f"{name}.elf", f"-Wl,-Map={name}.map"
        self.run(cc, "-O2", "-Wall", "-Werror", *flags, *sources, *files, *libs)
        assert str(ROOT) not in (self.work / f"{name}.map").read_text()
        return self.work / name

    def cmake(self, folder, target, sources, *words):
        """Build the project exchange, of (sources) and the CMake target (target), in (folder)."""
        source = self.work / f"{folder}.project"
        source.mkdir()
        for each in (*sources, "transport.h"):
            shutil.copy(self.work / each, source)
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.13)\n"
            "project(exchange C)\n"
            "find_package(ivsh 0.1 REQUIRED)\n"
            f"add_executable(exchange {' '.join(sources)})\n"
            f"target_link_libraries(exchange {target})\n"
        )
        self.run("cmake", "-S", source, "-B", folder, *words)
        self.run("cmake", "--build", folder)
        return self.work / folder / "exchange"


@pytest.fixture(scope="module")
def sdk(tmp_path_factory):
    return Sdk(tmp_path_factory.mktemp("sdk"))


class Server:
    """The installed server, with a socket for each of two slots."""

    def __init__(self, sdk, world):
        self.world = world
        self.bound = [world.folder / f"{slot}.sock" for slot in range(2)]
        words = [sdk.prefix / "sbin/ivsh-server", "-F", "-S", world.folder / "sock", "-l", "4M"]
        for slot, path in enumerate(self.bound):
            words += ["--slot", f"{slot}={path}"]
        self.program = world.program("server", *words, env=CLEAN)
        self.program.expect("event=ready")

    def guest(self, slot, arch, image, **keywords):
        device = doorbell(self.bound[slot])
        return self.world.guest(f"guest {slot}", "", *device, arch=arch, image=image, **keywords)

    def host(self, slot, program):
        env = {**CLEAN, "IVSH_SOCKET": str(self.bound[slot])}
        return self.world.program(f"host {slot}", program, env=env)

    def stop(self):
        self.program.process.terminate()
        self.program.done()


@pytest.fixture
def server(sdk, world):
    made = Server(sdk, world)
    yield made
    made.stop()


def exchanged(zero, one):
    """Each has sent the other a line."""
    assert zero.done(DONE) == "peer 1 says hello\n"
    assert one.done(DONE) == "peer 0 says hello\n"


# --- Programs of the installed files alone ------------------------------------------------------


@pytest.fixture(scope="module")
def host_program(sdk):
    """By pkg-config, of the words that README has."""
    flags, libs = sdk.pkg_config("--cflags", "ivsh"), sdk.pkg_config("--libs", "ivsh")
    sdk.run("cc", "-O2", "-Wall", *flags, "exchange.c", "host.c", "-o", "on-host", *libs)
    return sdk.work / "on-host"


@pytest.mark.parametrize("arch", MACHINES)
def test_guest_by_pkg_config(sdk, server, host_program, arch):
    image = sdk.guest([f"ivsh-bare-{arch}"], f"by-pkg-config-{arch}", "exchange.c", "bare.c")
    exchanged(server.guest(0, arch, image), server.host(1, host_program))


def test_guest_over_opensbi(sdk, server, host_program):
    image = sdk.guest(["ivsh-bare-riscv64-sbi"], "by-pkg-config-sbi", "exchange.c", "bare.c")
    guest = server.guest(0, "riscv64", image, machine="-M virt,aia=aplic-imsic -bios default")
    one = server.host(1, host_program)
    guest.expect("^peer 1 says hello$")  # behind OpenSBI's own lines
    assert one.done(DONE) == "peer 0 says hello\n"
    guest.done(DONE)


@pytest.mark.parametrize("arch", MACHINES)
def test_guest_and_host_by_cmake(sdk, server, arch):
    toolchain = sdk.prefix / f"lib/cmake/ivsh/toolchain-{arch}.cmake"
    image = sdk.cmake(
        f"cmake-{arch}", "ivsh::bare", ["exchange.c", "bare.c"],
        f"-DCMAKE_TOOLCHAIN_FILE={toolchain}",
    )  # fmt: skip
    image = image.rename(f"{image}.elf").with_suffix("")
    program = sdk.cmake(
        f"cmake-host-{arch}", "ivsh::client", ["exchange.c", "host.c"],
        f"-DCMAKE_PREFIX_PATH={sdk.prefix}",
    )  # fmt: skip
    exchanged(server.guest(0, arch, image), server.host(1, program))


def use_two_files(sdk, folder):
    """The examples in (folder), where the two files of the library stand in for its archive."""
    folder.mkdir()
    images = pathlib.Path(*sdk.pkg_config("--variable=images", "ivsh"))
    for path in (*(images / "amalgamation").iterdir(), *sdk.work.glob("*.[ch]")):
        text = path.read_text()
        if path.name not in ("ivsh.h", "ivsh.c"):
            text = re.sub(r"#include <ivsh/(?!bare|client).*>", '#include "ivsh.h"', text)
        (folder / path.name).write_text(text)


def test_shared_library(sdk, server):
    """Nothing but -livsh-client: two event loops send each other a line."""
    flags, libs = sdk.pkg_config("--cflags", "ivsh-client"), sdk.pkg_config("--libs", "ivsh-client")
    assert libs == [f"-L{sdk.prefix}/lib", "-livsh-client"]
    sdk.run("cc", "-O2", "-Wall", "-Werror", *flags, "loop.c", "-o", "loop", *libs)
    assert "[libivsh-client.so.1]" in sdk.run("readelf", "-dW", "loop")
    assert " T ivsh_" not in sdk.run("nm", "loop")
    env = {**CLEAN, "LD_LIBRARY_PATH": str(sdk.prefix / "lib")}
    zero, one = (
        server.world.program(f"loop {slot}", sdk.work / "loop", server.bound[slot], env=env)
        for slot in range(2)
    )
    zero.expect("^event 1 of slot 1$")
    one.type("hello\n")
    zero.expect("^slot 1: hello$")
    zero.type("and back\n")
    one.expect("^slot 0: and back$")
    one.process.stdin.close()
    one.done(DONE)
    zero.expect("^event 2 of slot 1$")
    zero.process.stdin.close()
    zero.done(DONE)


def test_shared_library_by_cmake(sdk):
    """The imported target is the shared library, wherever the installation is."""
    source = sdk.work / "shared.project"
    source.mkdir()
    shutil.copy(sdk.work / "loop.c", source)
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(loop C)\nfind_package(ivsh REQUIRED)\n"
        "add_executable(loop loop.c)\ntarget_link_libraries(loop ivsh::shared)\n"
    )
    sdk.run("cmake", "-S", source, "-B", "shared", f"-DCMAKE_PREFIX_PATH={sdk.prefix}")
    sdk.run("cmake", "--build", "shared")
    assert "[libivsh-client.so.1]" in sdk.run("readelf", "-dW", "shared/loop")


def test_python(sdk, world):
    """
    The module of the prefix finds its library there, and examples/guest.py, ten lines, tests a
    guest. Nothing of it is the source tree's.
    """
    env = {**CLEAN, "PYTHONPATH": str(sdk.prefix / "lib/python3/dist-packages")}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    script, images = sdk.work / "guest.py", sdk.prefix / "share/ivsh"
    lines = [line for line in script.read_text().splitlines() if line.strip()]
    assert len(lines) - lines.index("import ivsh") - 1 <= 10
    show = (
        "import ivsh\nprint(ivsh.__file__)\nfor line in open('/proc/self/maps'):\n"
        "    if 'ivsh' in line: print(line.split()[-1])"
    )
    loaded = subprocess.check_output(
        ["/usr/bin/python3", "-c", show], env=env, cwd=world.folder, text=True
    ).split()
    assert len(loaded) > 1 and all(path.startswith(f"{sdk.prefix}/lib/") for path in loaded), loaded
    words = [sdk.prefix / "sbin/ivsh-server", "qemu-system-x86_64", images / "ivsh.elf"]
    test = world.program("guest.py", "/usr/bin/python3", script, *words, env=env, cwd=world.folder)
    assert "guest: hello\n" in test.done(DONE)


def test_manual_of_calls(sdk):
    """man finds the page of a call, and the page of one that shares it."""
    for call in ("ivsh_host_open", "ivsh_node_send_to", "ivsh_node"):
        text = sdk.run("man", "-M", sdk.prefix / "share/man", "-P", "cat", "3", call)
        assert re.search(rf"^NAME\n .*\b{call}\b", text, re.MULTILINE), text


@pytest.mark.parametrize("arch", SOME)
def test_two_files(sdk, server, arch):
    """ivsh.h and ivsh.c, compiled with the program, in place of headers and archive."""
    folder = sdk.work / f"two-files-{arch}"
    use_two_files(sdk, folder)
    sources = [f"{folder}/{name}.c" for name in ("exchange", "bare", "ivsh")]
    image = sdk.guest([f"ivsh-bare-{arch}"], f"two-files-{arch}.guest", "-O1", *sources)
    assert "libivsh.a(" not in sdk.run("cat", f"{image}.map")
    flags = sdk.pkg_config("--cflags", "ivsh")
    library = sdk.prefix / "lib/ivsh/host/libivsh-client.a"
    sources = [f"{folder}/{name}.c" for name in ("exchange", "host", "ivsh")]
    sdk.run("cc", "-O1", "-Wall", "-Werror", *flags, *sources, "-o", f"{folder}/host", library)
    exchanged(server.guest(0, arch, image), server.host(1, folder / "host"))


CHECK = """
#include <ivsh/bare.h>
#include <ivsh/conformance.h>

#include <stdio.h>

static void report(void *ctx, const struct ivsh_conformance_result *result)
{
	(void)ctx;
	if (result->state == IVSH_CONFORMANCE_BROKEN)
		printf("%s: %s: %s\\n", result->clause, result->text, result->what);
}

int main(void)
{
	struct ivsh_conformance check = {.report = report};
	struct ivsh_pci_windows windows;

	ivsh_bare_windows(&windows);
	if (ivsh_pci_assign(ivsh_bare_platform(), &windows) ||
	    ivsh_conformance_platform(&check, ivsh_bare_platform(), 0))
		return 1;
	printf("%s\\n", check.kept > 20 ? "kept" : "hardly checked");
	return 0;
}
"""


@pytest.mark.parametrize("arch", SOME)
def test_conformance(sdk, server, arch):
    """The checks of a platform, for a program of the user's own."""
    (sdk.work / "check.c").write_text(CHECK)
    packages = f"ivsh-conformance-{arch}", f"ivsh-bare-{arch}"
    image = sdk.guest(packages, f"check-{arch}", "check.c")
    assert server.guest(0, arch, image).done(DONE) == "kept\n"


WITHOUT_LIBC = """
#include <ivsh/bare.h>
#include <ivsh/device.h>
#include <ivsh/node.h>

void *memcpy(void *to, const void *from, unsigned long size)
{
	for (unsigned long i = 0; i < size; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

void *memmove(void *to, const void *from, unsigned long size)
{
	if ((char *)to < (const char *)from)
		return memcpy(to, from, size);
	while (size--)
		((volatile char *)to)[size] = ((const char *)from)[size];
	return to;
}

void *memset(void *to, int byte, unsigned long size)
{
	for (unsigned long i = 0; i < size; i++)
		((volatile char *)to)[i] = (char)byte;
	return to;
}

int memcmp(const void *a, const void *b, unsigned long size)
{
	for (unsigned long i = 0; i < size; i++)
		if (((const unsigned char *)a)[i] != ((const unsigned char *)b)[i])
			return ((const unsigned char *)a)[i] - ((const unsigned char *)b)[i];
	return 0;
}

_Noreturn void bare_main(void)
{
	static struct ivsh_device device;
	static uint8_t block[IVSH_NODE_MEMORY];
	struct ivsh_pci_windows windows;
	struct ivsh_node_message m;
	struct ivsh_node *node;
	struct ivsh_mem mem;
	char text[8];

	ivsh_bare_windows(&windows);
	if (ivsh_pci_assign(ivsh_bare_platform(), &windows) ||
	    ivsh_device_open_any(&device, ivsh_bare_platform(), 0, &mem) ||
	    ivsh_node_open(&node, block, sizeof(block), &mem, NULL) ||
	    ivsh_node_send(node, 1, IVSH_PORT_TEXT, "hello", 5, IVSH_FOREVER) ||
	    ivsh_node_receive(node, &m, text, sizeof(text), IVSH_FOREVER))
		ivsh_bare_exit(1);
	ivsh_bare_write("peer 1 says ", 12);
	ivsh_bare_write(text, m.size);
	ivsh_bare_write("\\n", 1);
	ivsh_node_close(node);
	ivsh_bare_exit(0);
}
"""


@pytest.mark.parametrize("arch", MACHINES)
def test_guest_without_a_c_library(sdk, server, host_program, arch):
    """A program that defines bare_main() and mem*() takes nothing of newlib."""
    (sdk.work / "alone.c").write_text(WITHOUT_LIBC)
    package = f"ivsh-bare-{arch}"
    sdk.pkg_config("--exists", package)
    package = ["--define-variable=newlib=/nowhere", package]
    cc, flags, libs = (
        sdk.pkg_config(word, *package) for word in ("--variable=cc", "--cflags", "--libs")
    )
    libs.remove("/nowhere/lib/libc.a")
    libs = [word.replace(",-u,_exit", "") for word in libs]
    image = sdk.work / f"alone-{arch}"
    sdk.run(*cc, "-O2", *flags, "alone.c", "-o", f"{image}.elf", *libs)
    exchanged(server.guest(0, arch, image), server.host(1, host_program))


@pytest.mark.parametrize("arch", MACHINES)
def test_library_alone(sdk, arch):
    """ivsh-ARCH is the library, without start code and C library, for a kernel of its own."""
    (sdk.work / "kernel.c").write_text("#include <ivsh/ivsh.h>\nint x = IVSH_EPEER;\n")
    package = f"ivsh-{arch}"
    (cc,) = sdk.pkg_config("--variable=cc", package)
    sdk.run(cc, "-ffreestanding", *sdk.pkg_config("--cflags", package), "-c", "kernel.c")
    words = sdk.pkg_config("--libs", package)
    assert words == [f"-L{sdk.prefix}/lib/ivsh/{arch}", "-livsh"]


STATIC_OBJECTS = """
#include <stdio.h>

struct thing {
	const char *name;
	explicit thing(const char *text) : name(text) { printf("%s is here\\n", name); }
	~thing() { printf("%s is gone\\n", name); }
};

static thing first("first");
static thing second("second");

int main()
{
	puts("main");
	return 3;
}
"""

CONSTRUCTORS = """
#include <stdio.h>

__attribute__((constructor(200))) static void second(void) { puts("second is here"); }
__attribute__((constructor(101))) static void first(void) { puts("first is here"); }
__attribute__((destructor)) static void last(void) { puts("all are gone"); }

int main(void)
{
	puts("main");
	return 3;
}
"""


def test_static_objects(sdk, world):
    """C++: static objects live from before main() until it returns."""
    (sdk.work / "objects.cc").write_text(STATIC_OBJECTS)
    package, image = "ivsh-bare-x86_64", sdk.work / "objects"
    flags, libs = sdk.pkg_config("--cflags", package), sdk.pkg_config("--libs", package)
    cxx = sdk.pkg_config("--variable=cxx", package)
    cxx += sdk.pkg_config("--variable=cxxflags", package)
    sdk.run(*cxx, "-O2", *flags, "objects.cc", "-o", f"{image}.elf", *libs)
    guest = world.guest("objects", "", image=image)
    assert guest.done(3).splitlines() == [
        "first is here", "second is here", "main", "second is gone", "first is gone",
    ]  # fmt: skip


@pytest.mark.parametrize("arch", MACHINES)
def test_constructors(sdk, world, arch):
    """The same in C, by attributes, in the order of their numbers; and -ggdb3 links."""
    (sdk.work / "constructors.c").write_text(CONSTRUCTORS)
    image = sdk.guest([f"ivsh-bare-{arch}"], f"constructors-{arch}", "-ggdb3", "constructors.c")
    guest = world.guest("constructors", "", arch=arch, image=image)
    want = ["first is here", "second is here", "main", "all are gone"]
    assert guest.done(3).splitlines() == want


def test_no_header_of_the_host(sdk):
    """What newlib has not is missing in a guest, and is not the host's."""
    flags = sdk.pkg_config("--cflags", "ivsh-bare-x86_64")
    for header, is_there in (("stdio.h", True), ("stdatomic.h", True), ("poll.h", False)):
        (sdk.work / "header.c").write_text(f"#include <{header}>\n")
        words = ["gcc", *flags, "-fsyntax-only", "header.c"]
        done = subprocess.run(words, cwd=sdk.work, env=CLEAN, capture_output=True, check=False)
        assert (done.returncode == 0) == is_there, (header, done.stderr)


def test_images(sdk, server, host_program):
    """The installed image and the installed tool."""
    tool = sdk.prefix / "bin/ivsh"
    images = pathlib.Path(*sdk.pkg_config("--variable=images", "ivsh"))
    guest = server.world.guest(
        "echo", "echo --name=alpha", *doorbell(server.bound[0]), image=images / "ivsh"
    )
    ping = server.world.program("ping", tool, "-S", server.bound[1], "ping", "alpha", "--count=10")
    assert "10 round trips" in ping.done()
    guest.kill()


# --- What an installation is --------------------------------------------------------------------


def test_no_file_knows_the_tree(sdk):
    """Neither by debug information nor by a path in a script; nor the folder of the tests."""
    tree = re.compile(rb"(?<![\w./-])" + re.escape(os.fsencode(ROOT)) + rb"(?![\w.-])")
    files = [path for path in sdk.prefix.rglob("*") if path.is_file()]
    assert len(files) > 100
    assert [str(path) for path in files if tree.search(path.read_bytes())] == []


def test_archives(sdk):
    """Each has a table of symbols, and what is not the start code exports ivsh_ names alone."""
    archives = sorted(sdk.prefix.glob("lib/ivsh/*/libivsh*.a"))
    names = {f"{path.parent.name}/{path.name}" for path in archives}
    assert {"host/libivsh.a", "host/libivsh-client.a", "x86_64/libivsh-bare.a"} <= names
    assert {"aarch64/libivsh-bare.a", "riscv64/libivsh.a", "uefi-x86_64/libivsh.a"} <= names
    for path in archives:
        text = sdk.run("nm", "-g", "--defined-only", path)
        symbols = {words[2] for line in text.splitlines() if len(words := line.split()) == 3}
        assert symbols, path
        own = "arch_|bare_|x86_|a64_|rv_|virt_" if path.name == "libivsh-bare.a" else "ivsh_"
        libc = "_exit _fini close fstat getpid gettimeofday isatty kill lseek open read sbrk write"
        others = {name for name in symbols if not re.match(f"ivsh_|{own}", name)}
        assert others <= (set(libc.split()) if "bare" in path.name else set()), path


# --- Packages, and the way back -----------------------------------------------------------------

DEBIAN = {"PREFIX": "/usr", "LIBDIR": "lib/x86_64-linux-gnu", "SBINDIR": "bin"}


def test_package(sdk, tmp_path):
    """A packager's folders: all is there, a guest is linked from it, and all goes."""
    to = tmp_path / "a package"
    installed(DESTDIR=to, **DEBIAN)
    library = to / "usr/lib/x86_64-linux-gnu"
    assert (library / "ivsh/host/libivsh-client.a").exists()
    assert (to / "usr/bin/ivsh-server").exists() and (to / "etc/ivsh/default.conf").exists()
    assert (to / "usr/bin/ivsh-bridge").exists()
    assert "ExecStart=/usr/bin/ivsh-bridge --config /etc/ivsh/bridge-%i.conf" in (
        to / "usr/lib/systemd/system/ivsh-bridge@.service"
    ).read_text()
    assert (to / "usr/share/man/man8/ivsh-bridge.8").exists()
    assert not (to / "usr/sbin").exists()
    installed("uninstall", DESTDIR=to, **DEBIAN)
    assert everything(to) == []


def test_package_in_usr(sdk, tmp_path):
    """pkg-config leaves out -I/usr/include: the guests' headers are elsewhere as well."""
    installed(DESTDIR=tmp_path, **DEBIAN)
    library = tmp_path / "usr/lib/x86_64-linux-gnu"
    path = {**CLEAN, "PKG_CONFIG_PATH": str(library / "pkgconfig")}
    words = ["pkg-config", "--cflags", "--libs", "ivsh-bare-x86_64"]
    text = subprocess.check_output(words, env=path, text=True)
    assert text.startswith("-I/usr/lib/x86_64-linux-gnu/ivsh/include ")
    text = subprocess.check_output(
        [*words, f"--define-variable=prefix={tmp_path}/usr"], env=path, text=True
    )
    flags, libs = text.split(" -nostdlib ")
    image, source = tmp_path / "guest.elf", sdk.work / "exchange.c"
    words = [*flags.split(), source, sdk.work / "bare.c", "-o", image, "-nostdlib", *libs.split()]
    subprocess.run(["gcc", "-O2", *words], env=CLEAN, check=True)


def test_uninstall_leaves_what_is_not_its_own(tmp_path):
    """A folder that was there, a file of another's, and a configuration that was changed."""
    (tmp_path / "opt/share").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    where = {"PREFIX": tmp_path / "opt", "SYSCONFDIR": tmp_path / "etc"}
    before = everything(tmp_path)
    # Another LIBDIR and SBINDIR over what was there: all of it goes.
    installed(**where)
    installed(LIBDIR="lib64", SBINDIR="bin", **where)
    unit = (tmp_path / "opt/lib/systemd/system/ivsh-server.service").read_text()
    want = f"ExecStart={tmp_path}/opt/bin/ivsh-server --foreground --config {tmp_path}/etc/ivsh/"
    assert want in unit
    assert (tmp_path / "opt/bin/ivshmem-server").resolve() == tmp_path / "opt/bin/ivsh-server"
    installed("uninstall", **where)
    assert everything(tmp_path) == before
    installed(**where)
    (tmp_path / "opt/lib/other").touch()
    with open(tmp_path / "etc/ivsh/default.conf", "a") as conf:
        conf.write("# mine\n")
    installed(**where)
    assert (tmp_path / "etc/ivsh/default.conf").read_text().endswith("# mine\n")
    installed("uninstall", **where)
    kept = ["etc/ivsh", "etc/ivsh/default.conf", "opt/lib", "opt/lib/other"]
    assert everything(tmp_path) == sorted(before + kept)


def test_root_is_no_package(tmp_path):
    """DESTDIR=/ is this machine: folders that were there stay, though they are empty."""
    (tmp_path / "opt/share").mkdir(parents=True)
    where = {"DESTDIR": "/", "PREFIX": tmp_path / "opt", "SYSCONFDIR": tmp_path / "etc"}
    installed(**where)
    assert (tmp_path / "opt/bin/ivsh").exists()
    installed("uninstall", **where)
    assert everything(tmp_path) == ["opt", "opt/share"]


def test_half_an_installation_goes(tmp_path):
    """What fails in its middle has said what is there; so has a removal that fails."""
    opt, etc = tmp_path / "opt", tmp_path / "etc"
    where = {"PREFIX": opt, "SYSCONFDIR": etc}
    (opt / "share").mkdir(parents=True)
    (opt / "share/man").touch()
    done = make("install", **where)
    assert done.returncode != 0 and "share/man" in done.stderr
    assert (opt / "bin/ivsh").exists()
    (opt / "share/man").unlink()
    installed("uninstall", **where)
    assert everything(tmp_path) == ["opt", "opt/share"]
    installed(**where)
    (opt / "bin/ivsh").unlink()
    (opt / "bin/ivsh").mkdir()
    assert make("uninstall", **where).returncode != 0
    (opt / "bin/ivsh").rmdir()
    installed("uninstall", **where)
    assert everything(tmp_path) == ["opt", "opt/share"]


def test_upgrade_of_one_without_a_list(tmp_path):
    """Folders with our name are ours, though an installation made them that wrote no list."""
    where = {"DESTDIR": "", "PREFIX": tmp_path / "opt", "SYSCONFDIR": tmp_path / "etc"}
    installed(**where)
    (tmp_path / "opt/share/ivsh/installed").unlink()
    installed(**where)
    installed("uninstall", **where)
    left = everything(tmp_path)
    assert [path for path in left if "ivsh" in path or not (tmp_path / path).is_dir()] == []


def test_no_folder_to_write_to(tmp_path):
    """One line that names it, before anything is written."""
    (tmp_path / "file").touch()
    good = {"PREFIX": tmp_path / "opt", "SYSCONFDIR": tmp_path / "etc"}
    for name in ("PREFIX", "LIBDIR", "SBINDIR", "SYSCONFDIR"):
        done = make("install", **{**good, name: tmp_path / "file/x"})
        assert done.returncode == 2
        assert done.stderr.splitlines()[0] == (
            f"make install: {name}: {tmp_path}/file: no folder that you may write to: be root,"
            f" or give another {name}"
        )
    assert everything(tmp_path) == ["file"]


def test_libdir_elsewhere(tmp_path):
    """An absolute LIBDIR, which a symbolic link may lead to: the guests' headers are found."""
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    where = {"PREFIX": tmp_path / "usr", "SYSCONFDIR": tmp_path / "etc"}
    installed(LIBDIR=tmp_path / "lib/x/y", **where)
    assert (tmp_path / "usr/lib/x/y/ivsh/include/ivsh/ivsh.h").exists()
    installed("uninstall", LIBDIR=tmp_path / "lib/x/y", **where)
    assert everything(tmp_path) == ["lib", "usr", "usr/lib"]


@pytest.fixture
def leftover():
    """What `make` in examples/, and an editor, leave in the tree."""
    paths = [ROOT / "examples/out/x86_64/leftover.elf", ROOT / "lib/port/zephyr/leftover.o"]
    made = []
    for path in paths:
        made += [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    yield paths
    for path in paths:
        path.unlink()
    for folder in made:
        folder.rmdir()


def test_leftovers_stay(tmp_path, leftover):
    installed(DESTDIR=tmp_path, **DEBIAN)
    assert [path for path in tmp_path.rglob("*") if path.name in ("out", leftover[1].name)] == []


def test_uninstall_of_nothing(tmp_path):
    done = make("uninstall", DESTDIR=tmp_path, PREFIX="/usr")
    assert done.returncode == 0
    assert done.stderr == (
        f"make uninstall: {tmp_path}/usr/share/ivsh/installed: is not there: nothing was installed"
        " below this PREFIX\n"
    )


@pytest.mark.parametrize(
    "variables,want",
    [
        ({"PREFIX": "/a b"}, "PREFIX: '/a b': it can have letters, digits and _ . / + @ ~ -"),
        ({"PREFIX": "here"}, "PREFIX: 'here': an absolute path is needed"),
        ({"PREFIX": "/a/../b"}, "PREFIX: '/a/../b': without .."),
        ({"PREFIX": "/it's"}, "PREFIX: '/it's': it can have letters, digits and _ . / + @ ~ -"),
        ({"LIBDIR": "lib;x"}, "LIBDIR: 'lib;x': it can have letters, digits and _ . / + @ ~ -"),
        ({"SBINDIR": "s|bin"}, "SBINDIR: 's|bin': it can have letters, digits and _ . / + @ ~ -"),
        ({"SYSCONFDIR": "etc"}, "SYSCONFDIR: 'etc': an absolute path is needed"),
    ],
)
def test_refused(tmp_path, variables, want):
    """Paths stand in files that each write a space in another way."""
    for goal in ("install", "uninstall"):
        done = make(goal, DESTDIR=tmp_path, **variables)
        assert done.returncode == 2
        assert done.stderr.splitlines()[0] == f"make {goal}: {want}"
    assert everything(tmp_path) == []
