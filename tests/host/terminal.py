# SPDX-License-Identifier: MIT
"""terminal.py - a terminal emulator, tmux, with one program in it."""

import os
import re
import shutil
import signal
import subprocess
import tempfile

from rawclient import LIMIT, until


class Terminal:
    """A window of tmux, whose server ends with it: Terminal("ivsh", "top", columns=80)."""

    def __init__(self, *words, columns=80, lines=24, **environment):
        self.folder = tempfile.mkdtemp(prefix="ivsh-tmux-")
        self.tmux = ["tmux", "-u", "-f", "/dev/null", "-S", os.path.join(self.folder, "s")]
        environment = {"LC_ALL": "C.UTF-8", **environment}
        setting = [f"{name}={value}" for name, value in environment.items()]
        inner = {k: v for k, v in os.environ.items() if k not in ("TMUX", "TMUX_PANE")}
        # The window stays when its program has ended.
        subprocess.run(
            [*self.tmux, "new-session", "-d", "-x", str(columns), "-y", str(lines), "cat", ";"]
            + ["set", "-g", "remain-on-exit", "on", ";", "set", "-g", "status", "off", ";"]
            + ["respawn-pane", "-k", "env", *setting, *map(str, words)],
            check=True,
            env=inner,
            timeout=LIMIT,
        )
        self.resize(columns, lines)

    def command(self, *words):
        done = subprocess.run(
            [*self.tmux, *map(str, words)], capture_output=True, text=True, timeout=LIMIT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def keys(self, *keys):
        """Type keys, by tmux's names: "s", "Enter", "Up", "C-c"."""
        self.command("send-keys", *keys)

    def resize(self, columns, lines):
        self.command("resize-window", "-x", columns, "-y", lines)

    def lines(self, history=False):
        """The lines of the window; (history): and those that have left it."""
        return self.command("capture-pane", "-p", *(["-S", "-"] if history else [])).splitlines()

    def text(self, history=False):
        return "\n".join(self.lines(history))

    def await_text(self, text, absent=False):
        """Wait until the text is there, or is not; returns the screen."""
        seen = [""]

        def found():
            seen[0] = self.text()
            return (text in seen[0]) != absent

        try:
            until(found)
        except AssertionError:
            raise AssertionError(f"{text!r} in:\n{seen[0]}") from None
        return seen[0]

    def pid(self):
        return int(self.command("display-message", "-p", "#{pane_pid}"))

    def status(self):
        """Wait for the program's end, and answer its exit status."""
        seen = [""]

        def found():
            seen[0] = self.command("display-message", "-p", "#{pane_dead} #{pane_dead_status}")
            if seen[0].strip() == "1":
                # tmux 3.3 was seen to miss the end of its child, a zombie then: it looks again.
                server = self.command("display-message", "-p", "#{pid}")
                os.kill(int(server), signal.SIGCHLD)
            return re.fullmatch(r"1 \d+", seen[0].strip())

        until(found)
        return int(seen[0].split()[1])

    def close(self):
        subprocess.run([*self.tmux, "kill-server"], capture_output=True, timeout=LIMIT)
        shutil.rmtree(self.folder, ignore_errors=True)
