# SPDX-License-Identifier: MIT
"""exposition.py - Prometheus' text format: its form, and what `promtool check metrics` says.

Debian's promtool comes with a server of 96 MB; the rules that it has for such names are here, and
the text is also read by the parser of Prometheus' own client for Python.
"""

import re

from prometheus_client.parser import text_string_to_metric_families

SAMPLE = re.compile(
    r'^(ivsh_[a-z0-9_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (-?\d+(?:\.\d+)?)$'
)


def samples(text):
    """{(name, labels): value} of an exposition, whose form is checked, too."""
    found, helped, typed = {}, set(), {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split()[2]
            assert name not in helped, "one HELP each"
            assert len(line.split()) > 3, "a help text"
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name in helped and kind in ("gauge", "counter")
            assert (kind == "counter") == name.endswith("_total")
            assert not name.endswith(("_count", "_sum", "_bucket")), "parts of a histogram"
            assert name not in typed, "one TYPE each"
            typed[name] = kind
        elif not line.startswith("# ivsh: "):
            match = SAMPLE.match(line)
            assert match, line
            name, labels, value = match.groups()
            assert name == list(typed)[-1], "samples stand behind their TYPE"
            assert (name, labels) not in found, "no series twice"
            found[name, labels] = float(value)
    families = list(text_string_to_metric_families(text))
    assert sum(len(family.samples) for family in families) == len(found)
    return found


def one(found, name, part=""):
    """The value of the only sample of that name that has (part) in its labels."""
    values = [value for (n, labels), value in found.items() if n == name and part in labels]
    assert len(values) == 1, (name, part, found)
    return values[0]
