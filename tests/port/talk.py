# SPDX-License-Identifier: MIT
"""
talk.py - what every foreign guest that runs lib/port/talk.c has to show: to a guest of ours, to a
process of the host, and when either side is killed and starts again.
"""

import re

from memory import incarnation, sent
from qemu import BUILD, SOAK, doorbell

PINGS = 20000 if SOAK else 500  # of the foreign guest
ANSWERS = 20000 if SOAK else 300  # to the host
KILLS = 20 if SOAK else 1  # of either side
# Round trips of a ping that meets a death: more where a processor was done with them before it.
LONGS = [1000, 10000, 100000]
BEFORE = 100  # of these, before it
SECONDS = 300 if SOAK else 60

ALPHA, FOREIGN, HOST = range(3)  # slots


class Talk:
    """
    A server, a guest of ours in slot 0 and the foreign one in slot 1. boot(socket) answers the
    foreign guest, whose type(words) starts the program and whose ended() waits for its end and
    answers what it printed; stop() ends it by the user's key.
    """

    def __init__(self, world, boot, name):
        self.world, self.boot_foreign, self.name = world, boot, name
        self.server = world.server(bind=3)
        self.memory = self.server.memory()
        self.alpha = self.boot_alpha()
        self.foreign = boot(self.server.bound[FOREIGN])

    def boot_alpha(self):
        return self.world.guest("alpha", "echo --name=alpha", *doorbell(self.server.bound[ALPHA]))

    def host(self, *words):
        tool = BUILD / "host" / "ivsh"
        return self.world.program("host", tool, "-S", self.server.bound[HOST], *words)

    def until_sent(self, slot, count, before):
        """Wait until the incarnation that follows (before) in (slot) has sent (count) messages."""
        self.world.until(
            lambda: incarnation(self.memory, slot) != before and sent(self.memory, slot) >= count,
            f"slot {slot} sends {count} messages",
        )

    def close(self):
        self.memory.close()

    def check(self):
        self.check_ping(PINGS)
        self.check_host()
        for _ in range(KILLS):
            self.check_alpha_dies()
            self.check_foreign_dies()
        self.close()

    def check_ping(self, count):
        self.foreign.type(f"ping alpha {count}")
        self.check_answers(self.foreign.ended(), count)

    def check_answers(self, text, count):
        assert re.search(rf"^ivsh: {count} answers of alpha, every byte compared", text, re.M), text

    def check_host(self):
        self.foreign.type("echo 0")
        self.host("send", self.name, "a", "text", "for it").done()
        self.foreign.expect(rf"ivsh: text from slot {HOST}: a text for it")
        text = self.host("ping", self.name, f"--count={ANSWERS}", "--size=1000").done()
        assert f": {ANSWERS} round trips of 1000 bytes" in text, text
        self.foreign.stop()
        assert f"ivsh: answered {ANSWERS} messages" in self.foreign.ended()

    def check_alpha_dies(self):
        assert any(self.alpha_dies(count) for count in LONGS)

    def alpha_dies(self, count):
        """Kill alpha and boot it again under a ping of so many. Whether the ping met the death."""
        before = incarnation(self.memory, FOREIGN)
        self.foreign.type(f"ping alpha {count}")
        self.until_sent(FOREIGN, BEFORE, before)
        self.alpha.kill()
        met = sent(self.memory, FOREIGN) < count
        self.alpha = self.boot_alpha()
        self.check_answers(self.foreign.ended(), count)
        return met

    def check_foreign_dies(self):
        assert any(self.foreign_dies(count) for count in LONGS)

    def foreign_dies(self, count):
        """The same of the foreign guest, which a process of the host pings."""
        before = incarnation(self.memory, FOREIGN)
        self.foreign.type("echo 0")
        words = ["ping", self.name, f"--count={count}", "--keep-going", f"--timeout={SECONDS}"]
        ping = self.host(*words)
        self.until_sent(FOREIGN, BEFORE, before)
        self.foreign.kill()
        met = sent(self.memory, FOREIGN) < count
        self.foreign = self.boot_foreign(self.server.bound[FOREIGN])
        self.foreign.type("echo 0")
        assert f": {count} round trips of 64 bytes" in ping.done(seconds=SECONDS)
        self.foreign.stop()
        self.foreign.ended()
        return met
