#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""calls.py - the calls that the public headers of the host library declare, and their comments.

The headers of lib/include/ivsh are the manual. This module reads them for client.map and for the
pages of section 3 (man3.py). Not among the host library's are bare.h and conformance.h, which
belong to archives of their own.

    lib/sdk/calls.py        prints the names, one a line
"""

import re
import sys
from pathlib import Path

INCLUDE = Path(__file__).resolve().parent.parent / "include" / "ivsh"
ELSEWHERE = {"bare.h", "conformance.h"}
COMMENT = re.compile(r"/\*.*?\*/", re.S)
CALL = re.compile(r"\b(ivsh_[a-z0-9_]+)\s*\(")


class Item:
    """A comment, or a declaration that stands outside of all braces."""

    def __init__(self, kind, text, line):
        self.kind = kind
        self.text = text
        self.line = line

    def call(self):
        """The call that it declares; None: it declares something else."""
        if self.kind != "declaration" or "typedef" in self.text:
            return None
        found = CALL.search(self.text)
        return found.group(1) if found and "(*" not in self.text[: found.start()] else None

    def is_inline(self):
        return self.text.startswith("static")


def items(text):
    """The header's comments and declarations, in order."""
    at = depth = start = 0
    line = 1
    while at < len(text):
        found = COMMENT.match(text, at)
        if found:
            if depth == 0 and not text[start:at].strip():
                yield Item("comment", found.group(0), line)
                start = found.end()
            line += found.group(0).count("\n")
            at = found.end()
            continue
        letter = text[at]
        if letter == "#" and not text[start:at].strip():
            end = text.index("\n", at)
            while text[end - 1] == "\\":
                end = text.index("\n", end + 1)
            yield Item("macro", text[at:end], line)
            line += text.count("\n", at, end)
            start = at = end
            continue
        depth += {"{": 1, "}": -1}.get(letter, 0)
        is_body_end = letter == "}" and depth == 0 and text[start:at].lstrip().startswith("static")
        if is_body_end or (letter == ";" and depth == 0):
            yield Item("declaration", COMMENT.sub("", text[start : at + 1]).strip(), line)
            start = at + 1
        line += letter == "\n"
        at += 1


def read(header):
    """The header's text, without what is for C++ alone."""
    text = (INCLUDE / header).read_text()
    return re.sub(r"#ifdef __cplusplus.*?#endif\n", "", text, flags=re.S)


def headers():
    return sorted(path.name for path in INCLUDE.glob("*.h") if path.name not in ELSEWHERE)


def calls():
    """The names of all calls that an archive has."""
    found = set()
    for header in headers():
        for item in items(read(header)):
            if item.call() and not item.is_inline():
                found.add(item.call())
    return sorted(found)


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in calls()))
