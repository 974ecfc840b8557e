# SPDX-License-Identifier: MIT
"""_library.py - libivsh-client.so.1 by ctypes: its calls, as <ivsh/host.h> declares them."""

import ctypes
import os
import pathlib
import sysconfig
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Iterator, List, Tuple

__all__ = ["MessageHeader", "byref", "c_uint16", "c_uint32", "c_uint64", "c_void_p", "library"]

SONAME = "libivsh-client.so.1"


class MessageHeader(ctypes.Structure):
    """struct ivsh_host_message: 32 bytes."""

    _fields_ = [
        ("request", c_uint64),
        ("peer", c_uint32),
        ("size", c_uint32),
        ("port", c_uint16),
        ("flags", c_uint16),
        ("reserved", c_uint32 * 3),
    ]


_HOST, _TIME = c_void_p, c_uint64

# name: the result, the arguments
_CALLS: List[Tuple[str, object, list]] = [
    ("open", c_int, [POINTER(c_void_p), c_char_p, c_char_p, c_uint32, c_uint32]),
    ("close", None, [_HOST]),
    ("error", c_char_p, [_HOST]),
    ("place", c_char_p, [_HOST]),
    ("reopen", c_int, [_HOST]),
    ("fd", c_int, [_HOST]),
    ("ready", c_int, [_HOST, c_uint32, POINTER(c_uint32)]),
    ("wait", c_int, [_HOST, c_uint32, _TIME, POINTER(c_uint32)]),
    ("slots", c_uint32, [_HOST]),
    ("self", c_uint32, [_HOST]),
    ("max", c_uint32, [_HOST]),
    ("send", c_int, [_HOST, c_uint32, c_uint16, c_void_p, c_uint32, _TIME]),
    ("broadcast", c_int, [_HOST, c_uint16, c_void_p, c_uint32, POINTER(c_uint32), _TIME]),
    ("report_loss", c_int, [_HOST, c_uint32]),
    ("receive", c_int, [_HOST, POINTER(MessageHeader), c_void_p, c_uint32, _TIME]),
    ("drop", None, [_HOST, POINTER(MessageHeader)]),
    (
        "call",
        c_int,
        [_HOST, c_uint32, c_uint16, c_void_p, c_uint32, c_void_p, c_uint32]
        + [POINTER(c_uint32), _TIME],
    ),
    ("reply", c_int, [_HOST, POINTER(MessageHeader), c_void_p, c_uint32, _TIME]),
    ("stream_open", c_int, [_HOST, POINTER(c_void_p), c_uint32, c_uint16, c_uint32]),
    ("stream_write", c_int, [c_void_p, c_void_p, c_uint32, POINTER(c_uint32), _TIME]),
    ("stream_read", c_int, [c_void_p, c_void_p, c_uint32, POINTER(c_uint32), _TIME]),
    ("stream_finish", c_int, [c_void_p, _TIME]),
    ("stream_close", None, [c_void_p]),
    ("find", c_int, [_HOST, c_char_p, POINTER(c_uint32), _TIME]),
    ("peer", c_int, [_HOST, c_uint32, POINTER(c_uint32), POINTER(c_uint32), c_char_p]),
    ("offer", c_int, [_HOST, c_char_p, c_uint16]),
    ("find_service", c_int, [_HOST, c_char_p, POINTER(c_uint32), POINTER(c_uint16), _TIME]),
    ("service", c_int, [_HOST, c_uint32, c_uint32, c_char_p, POINTER(c_uint16)]),
    ("metric_declare", c_int, [_HOST, c_char_p, c_uint32, POINTER(c_uint32)]),
    ("metric_add", c_int, [_HOST, c_uint32, c_uint64]),
    ("metric_set", c_int, [_HOST, c_uint32, c_int64]),
    (
        "metric_read",
        c_int,
        [_HOST, c_uint32, c_uint32, c_char_p, POINTER(c_uint32), POINTER(c_uint64)],
    ),
    ("log_write", c_int, [_HOST, c_void_p, c_uint32]),
    ("log_open", c_int, [_HOST, POINTER(c_void_p), c_uint32]),
    (
        "log_read",
        c_int,
        [c_void_p, c_void_p, c_uint32, POINTER(c_uint32), POINTER(c_uint64), POINTER(c_uint32)],
    ),
    ("log_close", None, [c_void_p]),
    ("next_event", c_int, [_HOST, POINTER(c_uint32), POINTER(c_uint32), _TIME]),
]


def _candidates() -> Iterator[str]:
    """Where the library may be: as the environment says, beside this module's installation, or
    where the dynamic linker looks."""
    named = os.environ.get("IVSH_CLIENT_LIBRARY")
    if named:
        yield named
        return
    # PREFIX/lib/python3/dist-packages/ivsh/_library.py
    parents = pathlib.Path(__file__).resolve().parents
    if len(parents) > 4:
        triplet = sysconfig.get_config_var("MULTIARCH") or "."
        for folder in (parents[3], parents[3] / triplet, parents[4] / "lib64"):
            if (folder / SONAME).exists():
                yield str(folder / SONAME)
    yield SONAME


class _Library:
    """The calls, without the prefix that all of them have."""

    def __init__(self) -> None:
        problems = []
        for path in _candidates():
            try:
                loaded = ctypes.CDLL(path)
                break
            except OSError as error:
                problems.append(str(error))
        else:
            raise ImportError(f"ivsh: {'; '.join(problems)}: IVSH_CLIENT_LIBRARY names its path")
        for name, result, arguments in _CALLS:
            call = getattr(loaded, f"ivsh_host_{name}")
            call.restype, call.argtypes = result, arguments
            setattr(self, name, call)
        self.error_text = loaded.ivsh_error_text
        self.error_text.restype, self.error_text.argtypes = c_char_p, [c_int]

    def __getattr__(self, name: str):  # for type checkers: what __init__ has set
        raise AttributeError(name)


library = _Library()
