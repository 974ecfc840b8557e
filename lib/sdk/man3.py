#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""man3.py - the manual pages of section 3, made from the comments of the public headers.

    lib/sdk/man3.py FOLDER

Each header with calls gets a page, from the comment at its top: ivsh_node(3). A call gets a page
from the comment above its declaration: ivsh_node_open(3). Calls that share a comment share a page,
as does one whose comment begins with "The same": the page has the name of the first, and the others
are links to it. Errors are lines such as "IVSH_EAGAIN  no room", in columns.
"""

import re
import sys
from pathlib import Path

import calls

ROOT = Path(__file__).resolve().parent.parent.parent
ERROR = re.compile(r"^(IVSH_E[A-Z]+(?:, IVSH_E[A-Z]+)*)  +(\S.*)$")
OTHERS = re.compile(r"can answer, besides|in its own\s+comment:$|any other call", re.S)
WIDTH = 72
PACKAGE = "pkg-config --cflags --libs ivsh-client"


def version():
    text = calls.read("version.h")
    return re.search(r'IVSH_VERSION "(.*)"', text).group(1)


def date():
    """The manuals of the programs have the date of the last change that users see."""
    first = (ROOT / "host" / "man" / "ivsh.1").read_text()
    return re.search(r"^\.TH IVSH 1 (\S+)", first, re.M).group(1)


# --- Comments -------------------------------------------------------------------------------------


def lines_of(comment):
    """The comment's lines, without its frame."""
    body = comment[2:-2]
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in body.split("\n")]
    lines[0] = lines[0].strip()
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return [line.expandtabs(8) for line in lines]


class Comment:
    """Paragraphs of text and of code, the errors, and the clauses of SPEC.md."""

    def __init__(self, text):
        self.blocks = []  # ("text" or "code", lines)
        self.errors = []  # (names, text)
        self.clauses = ""
        for line in lines_of(text):
            self.take(line)
        self.blocks = [block for block in self.blocks if block[1]]

    def take(self, line):
        last = self.blocks[-1] if self.blocks else None
        error = ERROR.match(line)
        if error:
            self.errors.append([error.group(1), error.group(2)])
            self.blocks.append(("errors", []))
        elif last and last[0] == "errors" and line.startswith("   "):
            self.errors[-1][1] += " " + line.strip()
        elif re.match(r"^SPEC (R?[0-9.]+(, )?)+$", line):
            self.clauses = line.rstrip(".")
        elif not line:
            self.blocks.append(("text", []))
        elif line.startswith("    "):
            if not last or last[0] != "code":
                self.blocks.append(("code", []))
            self.blocks[-1][1].append(line)
        else:
            if not last or last[0] != "text":
                self.blocks.append(("text", []))
            self.blocks[-1][1].append(line)

    def has_common_errors(self):
        return any(OTHERS.search(" ".join(lines)) for kind, lines in self.blocks if kind == "text")

    def summary(self):
        """The first sentence, as NAME has it: up to a colon, unless little stands before that."""
        text = " ".join(self.blocks[0][1]) if self.blocks else ""
        first = re.split(r"(?<=[^.])[.;](?:\s|$)", text, maxsplit=1)[0]
        before, colon, behind = first.partition(": ")
        first = before if len(before) >= 20 else behind if colon else first
        first = re.sub(r"\(([a-z_]+)\)", r"\1", first)
        return (first[:1].lower() + first[1:]).rstrip(".")


# --- Pages ----------------------------------------------------------------------------------------


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def bold(found):
    """A call's name in a sentence, with its section, if it has a page."""
    name = found.group(1)
    return f"\\fB{name}\\fP(3)" if name in KNOWN else f"\\fB{name}\\fP()"


def prose(lines):
    """Filled text: each sentence on its line, calls in bold."""
    text = re.sub(r"\s+", " ", " ".join(lines)).strip()
    text = text.replace("in its own comment", "in its own page")
    out = []
    for sentence in re.split(r"(?<=[a-z)\]0-9][.:?]) (?=[A-Z*(])", text):
        sentence = escape(sentence)
        out.append(re.sub(r"\b(ivsh_[a-z0-9_]+)\(\)", bold, sentence))
    return out


def block_lines(blocks):
    out = []
    for kind, lines in blocks:
        if kind == "text":
            out += [".PP", *prose(lines)]
        elif kind == "code":
            shift = min(len(line) - len(line.lstrip()) for line in lines)
            out += [".PP", ".nf", *("    " + escape(line[shift:]) for line in lines), ".fi"]
    return out


def error_lines(errors):
    out = []
    for names, text in errors:
        out += [".TP", f".B {escape(names)}", *prose([text])]
    return out


def prototype(declaration):
    """The declaration, in lines of at most WIDTH, broken behind commas."""
    text = re.sub(r" IVSH_MUST_CHECK", "", re.sub(r"\s+", " ", declaration)).replace("( ", "(")
    lines = [""]
    for word in re.split(r"(?<=,) ", text):
        if lines[-1] and len(lines[-1]) + len(word) > WIDTH:
            lines.append("   ")
        lines[-1] += (" " if lines[-1] else "") + word
    return [f"\\fB{escape(line)}\\fP" for line in lines]


def answers(declaration):
    """What the call returns, by its type."""
    if re.match(r"int\b", declaration) and "IVSH_MUST_CHECK" in declaration:
        return ["0 on success, else one negative value of", ".I enum ivsh_error\\fR;",
                "\\fBivsh_error_text\\fP(3) says it in words."]
    if re.match(r"void\b(?! \*)", declaration):
        return ["None."]
    return ["As described above."]


class Page:
    """Calls that share a page, the first of which gives it its name."""

    def __init__(self, header, top):
        self.header = header
        self.top = top
        self.parts = []  # (comment, [(name, declaration)])

    @property
    def name(self):
        return self.parts[0][1][0][0]

    def names(self):
        return [name for _, declared in self.parts for name, _ in declared]

    def write(self, folder):
        summary = self.parts[0][0].summary() or "a call of " + self.header
        out = head(self.name, self.names(), summary)
        out += synopsis(self.header, [d for _, declared in self.parts for _, d in declared])
        out.append(".SH DESCRIPTION")
        for i, (comment, declared) in enumerate(self.parts):
            if i:
                out.append(".SS " + ", ".join(f"{name}()" for name, _ in declared))
            body = block_lines(comment.blocks)
            out += body[1:] if body[:1] == [".PP"] else body
        out += [".SH RETURN VALUE", *answers(self.parts[0][1][0][1])]
        out += self.errors()
        clauses = [comment.clauses for comment, _ in self.parts if comment.clauses]
        if clauses:
            clauses = [clause.replace("SPEC", "SPEC.md") + "." for clause in clauses]
            out += [".SH STANDARDS", *clauses]
        out += [".SH SEE ALSO", f".BR ivsh_{self.header[:-2]} (3),", ".BR ivsh_error (3)"]
        (folder / f"{self.name}.3").write_text("\n".join(out) + "\n")
        for name in self.names()[1:]:
            (folder / f"{name}.3").write_text(f".so man3/{self.name}.3\n")

    def errors(self):
        own = [error for comment, _ in self.parts for error in comment.errors]
        answers_int = any(d.startswith("int") for _, declared in self.parts for _, d in declared)
        common = self.top.errors if answers_int and self.top.has_common_errors() else []
        known = {name for names, _ in own for name in names.split(", ")}
        common = [error for error in common if not set(error[0].split(", ")) <= known]
        if not own and not common:
            return []
        return [".SH ERRORS", *error_lines(own + common)]


def head(name, names, summary):
    return [
        f'.\\" Made from the public headers by lib/sdk/man3.py.',
        f'.TH {name.upper()} 3 {date()} "ivsh {version()}" "Library Functions Manual"',
        ".SH NAME",
        f"{', '.join(names)} \\- {escape(summary)}",
    ]


def synopsis(header, declarations):
    out = [".SH SYNOPSIS", ".nf", f"\\fB#include <ivsh/{header}>\\fP"]
    for declaration in declarations:
        out += [".PP", *prototype(declaration)]
    return [*out, ".fi"]


def overview(folder, header, top, pages):
    """The page of a header: what its first comment says, and its calls."""
    name = f"ivsh_{header[:-2]}"
    first, *rest = top.blocks
    text = " ".join(first[1])
    summary = re.sub(r"^[a-z_]+\.h - ", "", text)
    out = head(name, [name], summary.split(". ")[0].rstrip("."))
    out += synopsis(header, [])
    out += [".PP", "Host programs are built with", f'.BR "{escape(PACKAGE)}" .']
    out += [".SH DESCRIPTION", *prose([summary[:1].upper() + summary[1:]]), *block_lines(rest)]
    if top.errors:
        out += [".SH ERRORS", *error_lines(top.errors)]
    out += [".SH CALLS"]
    for page in pages:
        out += [".TP", f'.B "{", ".join(page.names())}"', escape(page.parts[0][0].summary()) + "."]
    (folder / f"{name}.3").write_text("\n".join(out) + "\n")


def pages_of(header):
    """The header's first comment, and its pages."""
    top = comment = None
    pages, open_page = [], None
    for item in calls.items(calls.read(header)):
        if item.kind == "comment":
            if "SPDX" in item.text:
                continue
            comment = Comment(item.text)
            top = top or comment
            open_page = None
        elif item.call() and not item.is_inline():
            declared = (item.call(), item.text)
            if open_page:
                open_page.parts[-1][1].append(declared)
                continue
            is_same = comment.summary().startswith("the same") and pages
            open_page = pages[-1] if is_same else Page(header, top)
            if not is_same:
                pages.append(open_page)
            open_page.parts.append((comment, [declared]))
        elif item.kind == "declaration" and not item.is_inline():
            open_page = None
    return top, pages


KNOWN = set(calls.calls())


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.3"):
        old.unlink()
    for header in calls.headers():
        top, pages = pages_of(header)
        if pages:
            overview(folder, header, top, pages)
        for page in pages:
            page.write(folder)


if __name__ == "__main__":
    main()
