# SPDX-License-Identifier: MIT
"""errors.py - what the calls raise: one class for each error of <ivsh/error.h>."""

from typing import Dict, Type

from ._library import library


class Error(Exception):
    """An error of the library. code: its number, as IVSH_E*."""

    code = 0


class Timeout(Error, TimeoutError):
    """The time is over: no message, no room, no reply, no such peer yet."""

    code = -1


class Invalid(Error, ValueError):
    """An argument is out of range; or the peer belongs to another process, or is closed."""

    code = -2


class NotThere(Error):
    """No such device, region, server, peer or service."""

    code = -3


class NoSpace(Error):
    """Too small: the memory, or what it has to hold."""

    code = -4


class Version(Error):
    """The region has a version, or a feature, that this library does not know."""

    code = -5


class Damaged(Error):
    """The memory breaks SPEC.md, or holds something else."""

    code = -6


class PeerGone(Error):
    """The peer left, or came back as another: a call or a stream with it is over."""

    code = -7


class Busy(Error):
    """A living peer holds the slot, or there is no free one."""

    code = -8


class Platform(Error):
    """A call of the system failed."""

    code = -9


class ReadOnly(Error):
    """Stores do not stay in the memory."""

    code = -10


class Lost(Error):
    """The slot is lost: another peer has claimed it."""

    code = -11


class Removed(Error):
    """The device was unplugged."""

    code = -12


class MissingPart(Error):
    """The memory of that slot is not here, or is none of this region."""

    code = -13


class OneWay(Error):
    """One side has opened the channel one-way: nothing goes, or comes, in this direction."""

    code = -14


CLASSES: Dict[int, Type[Error]] = {
    each.code: each
    for each in (
        *(Timeout, Invalid, NotThere, NoSpace, Version, Damaged, PeerGone, Busy, Platform),
        *(ReadOnly, Lost, Removed, MissingPart, OneWay),
    )
}


def error_of(code: int, what: str, why: str = "") -> Error:
    """The exception for (code). what: the object that it is about."""
    text = why or library.error_text(code).decode()
    made = CLASSES.get(code, Error)(f"{what}: {text}")
    made.code = code
    return made
