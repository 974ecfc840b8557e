# SPDX-License-Identifier: MIT
"""test_bridge_check.py - ivsh-bridge --check opens the files that a configuration names."""

import os
import shutil
import subprocess

import nkeys
import pytest
from servertool import BUILD, LIMIT
from test_bridge_rights import ALICE, CREW, as_root
from test_bridge_trust import OTHERS, certificates, secret

IS_ROOT = os.geteuid() == 0
OTHER = 41002  # nobody's, as ALICE

# Each setting with a file, and whether that is a secret.
SETTINGS = {
    "password": ("bus-user = me\npassword = {}/password\n", True),
    "token": ("token = {}/token\n", True),
    "credentials": ("credentials = {}/a.creds\n", True),
    "tls-ca": ("tls-ca = {}/ca.crt\n", False),
    "tls-cert": ("tls-cert = {0}/bridge.crt\ntls-key = {0}/bridge.key\n", False),
    "tls-key": ("tls-key = {0}/bridge.key\ntls-cert = {0}/bridge.crt\n", True),
}

READ = "has to be able to read it"


def given(path):
    """What the test makes is the bridge's user's."""
    if IS_ROOT:
        os.chown(path, ALICE, CREW)


def missing(path):
    path.unlink()
    return "No such file or directory"


def unreadable(path):
    path.chmod(0)
    return f"Permission denied: the bridge's user, {os.stat(path).st_uid}, {READ}"


def hidden(path):
    path.parent.chmod(0o600)
    return f"Permission denied: the bridge's user, {os.stat(path.parent).st_uid}, {READ}"


def for_all(path):
    path.chmod(0o644)
    return OTHERS


def another_s(path):
    os.chown(path, OTHER, CREW)
    path.chmod(0o644)
    return "it belongs to another user, and not to the bridge's or root"


def root_s(path):
    os.chown(path, 0, 0)
    path.chmod(0o600)
    return f"Permission denied: the bridge's user, {ALICE}, {READ}"


def a_folder(path):
    path.unlink()
    path.mkdir(0o700)
    given(path)
    return "not a regular file"


def a_pipe(path):
    path.unlink()
    os.mkfifo(path, 0o600)
    given(path)
    return "not a regular file"


def empty(path):
    path.write_text("")
    return "it is empty"


def nonsense(path):
    path.write_text("no\ncertificate\n")
    return {
        "password": "it has more than one line, or is no text",
        "token": "it has more than one line, or is no text",
        "a.creds": "no credentials for NATS are in it, as nsc(1) writes them",
        "ca.crt": "certificate",
        "bridge.crt": "certificate",
        "bridge.key": "bridge.key",
    }[path.name]


FAULTS = [missing, unreadable, hidden, a_folder, a_pipe, empty, nonsense]
SECRETS = [for_all]
OF_ROOT = [root_s]
SECRETS_OF_ROOT = [another_s]


def cases():
    for setting, (_, is_secret) in SETTINGS.items():
        faults = FAULTS + (SECRETS if is_secret else [])
        if IS_ROOT:
            faults = faults + OF_ROOT + (SECRETS_OF_ROOT if is_secret else [])
        for fault in faults:
            yield pytest.param(setting, fault, id=f"{setting}-{fault.__name__}")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    certificates(folder)
    nkeys.Accounts(folder).user("a", [">"], [">"])
    for name in ("password", "token"):
        secret(folder / name, "a secret\n")
    return folder


@pytest.fixture
def files(public, made):
    """The bridge's own folder, with all that it may need: another user's, if we may become one."""
    folder = public / "secrets"
    folder.mkdir(0o700)
    for file in made.iterdir():
        shutil.copy(file, folder)
    for path in (public, folder, *folder.iterdir()):
        given(path)
    yield folder
    folder.chmod(0o700)


def config_of(files, text):
    path = files.parent / "conf"
    path.write_text(
        "region = r\nhost = a\nurl = nats://127.0.0.1:1\nsocket = /none\n"
        f"state = {files.parent}/state\nlocal 0 = x\nslot 5 = b/y\n"
        + (f"user = {ALICE}:{CREW}\n" if IS_ROOT else "")
        + text
    )
    path.chmod(0o644)
    return path


def run(*words, program=BUILD / "ivsh-bridge", **keywords):
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, timeout=LIMIT, **keywords
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("setting", SETTINGS)
def test_right(files, setting):
    """What the bridge can begin with is right: nothing is said, and nothing is made."""
    config = config_of(files, SETTINGS[setting][0].format(files))
    assert run("--config", config, "--check") == (0, "")
    assert not (files.parent / "state").exists()


@pytest.mark.parametrize(("setting", "fault"), cases())
def test_wrong(files, setting, fault):
    """One line names the file and what is wrong; a bridge that begins ends with the same."""
    text = SETTINGS[setting][0].format(files)
    config = config_of(files, text)
    path = files / text.split("\n")[setting == "password"].split("/")[-1]
    want = fault(path)
    status, said = run("--config", config, "--check")
    assert (status, said.count("\n")) == (1, 1), said
    # In a folder that is not to be entered the first of two files is named.
    assert str(path.parent if fault is hidden else path) in said
    assert want in said and "a secret" not in said
    assert run("--config", config) == (1, said)


def test_pair(files, public):
    """A key that is another certificate's."""
    (public / "others").mkdir()
    certificates(public / "others")
    (files / "bridge.crt").write_bytes((public / "others/bridge.crt").read_bytes())
    config = config_of(files, SETTINGS["tls-cert"][0].format(files))
    status, said = run("--config", config, "--check")
    assert (status, said.count("\n")) == (1, 1) and str(files / "bridge.key") in said


@as_root
def test_who(files, public_bridge):
    """That user, too, can check; another one cannot know, and is told so."""
    config = config_of(files, SETTINGS["token"][0].format(files))
    words = ("--config", config, "--check")
    alice = {"program": public_bridge, "user": ALICE, "group": CREW, "extra_groups": []}
    assert run(*words, **alice) == (0, "")
    status, said = run(*words, **{**alice, "user": OTHER})
    assert status == 0 and said == (
        f"ivsh-bridge: {config}: the files that it names are not checked: root, or user "
        f"{ALICE}:{CREW}, can do that\n"
    )
    missing(files / "token")
    assert run(*words, **alice)[0] == 1
