# SPDX-License-Identifier: MIT
"""nkeys.py - an operator of NATS, an account, and users with credentials, as nsc(1) makes them."""

import base64
import hashlib
import json
import subprocess
import time

# What an encoded key begins with.
OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3


def crc16(data):
    """The one of XMODEM."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def encode(prefix, key):
    data = bytes(prefix) + key
    data += crc16(data).to_bytes(2, "little")
    return base64.b32encode(data).decode().rstrip("=")


def text64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Key:
    """An Ed25519 key, by openssl(1)."""

    def __init__(self, folder, name, kind):
        self.path = folder / f"{name}.pem"
        self.name, self.kind = name, kind
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.path)
        private = openssl("pkey", "-in", self.path, "-outform", "DER")[-32:]
        public = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")[-32:]
        self.public = encode([kind], public)
        self.seed = encode([SEED | kind >> 5, (kind & 31) << 3], private)

    def sign(self, data, folder):
        (folder / "data").write_bytes(data)
        return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", folder / "data")

    def token(self, subject, nats, folder):
        """A claim of this key on (subject)."""
        claim = {
            "iat": int(time.time()),
            "iss": self.public,
            "name": subject.name,
            "sub": subject.public,
            "nats": {"version": 2, **nats},
        }
        digest = hashlib.sha256(json.dumps(claim).encode()).digest()
        claim["jti"] = base64.b32encode(digest).decode().rstrip("=")
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        body = ".".join(text64(json.dumps(part).encode()) for part in (head, claim))
        return f"{body}.{text64(self.sign(body.encode(), folder))}"


def openssl(*words):
    done = subprocess.run(["openssl", *words], capture_output=True, timeout=60, check=True)
    return done.stdout


class Accounts:
    """An operator with an account: what nats-server is configured with, and users' credentials."""

    def __init__(self, folder):
        self.folder = folder
        self.operator = Key(folder, "operator", OPERATOR)
        self.account = Key(folder, "account", ACCOUNT)
        self.system = Key(folder, "system", ACCOUNT)

    def config(self):
        own = self.operator.token(self.operator, {"type": "operator"}, self.folder)
        limits = ("subs", "conn", "leaf", "imports", "exports", "data", "payload")
        limits = dict.fromkeys(limits, -1)
        limits["wildcards"] = True
        # The system's has no streams.
        streams = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
        accounts = ""
        for key, more in ((self.account, streams), (self.system, {})):
            claim = {"type": "account", "limits": limits | more}
            accounts += f"{key.public}: {self.operator.token(key, claim, self.folder)}\n"
        return (
            f"operator: {own}\nsystem_account: {self.system.public}\nresolver: MEMORY\n"
            f"resolver_preload: {{\n{accounts}}}\n"
        )

    def user(self, name, publish, subscribe):
        """The file with the credentials of a user who may do that, and nothing else."""
        key = Key(self.folder, name, USER)
        rights = {"pub": {"allow": publish}, "sub": {"allow": subscribe}}
        rights |= dict.fromkeys(("subs", "data", "payload"), -1)
        token = self.account.token(key, {"type": "user", **rights}, self.folder)
        path = self.folder / f"{name}.creds"
        path.touch(0o600)
        path.write_text(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{key.seed}\n------END USER NKEY SEED------\n"
        )
        return path
