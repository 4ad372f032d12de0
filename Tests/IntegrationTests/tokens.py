"""Tokens as README describes them, made without the program, and requests that bring one."""

import base64
import hashlib
import os
import signal

from api import API
from server import wait_until


def secret():
    return "opt_" + base64.urlsafe_b64encode(os.urandom(32)).decode("ascii").rstrip("=")


def digest(token):
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class TokenFile:
    """A file of tokens in a directory, and the secrets that nobody else has."""

    def __init__(self, directory):
        self.path = directory / "tokens"
        self.secrets = {}
        self.write("")

    def write(self, text, mode=0o644):
        """As an editor does that writes beside and renames."""
        new = self.path.with_suffix(".tmp")
        new.write_text(text, encoding="utf-8")
        new.chmod(mode)
        new.rename(self.path)

    def text(self):
        return self.path.read_text(encoding="utf-8")

    def add(self, id, scopes, prefixes):
        """Returns the secret."""
        self.secrets[id] = secret()
        self.write(f"{self.text()}{id} {digest(self.secrets[id])} {scopes} {prefixes}\n")
        return self.secrets[id]

    def remove(self, id):
        lines = self.text().splitlines(keepends=True)
        self.write("".join(line for line in lines if not line.startswith(f"{id} ")))


class Holder(API):
    """The service as the holder of a token sees it."""

    def __init__(self, port, token):
        super().__init__(port)
        self.token = token

    def call(self, method, target, *, headers=None, **options):
        fields = {**bearer(self.token), **(headers or {})}
        return super().call(method, target, headers=fields, **options)


def reload(running, event="tokens read"):
    """SIGHUP, and what the program then says of it."""
    before = running.said().count(event)
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.said().count(event) > before)
    return [line for line in running.said().splitlines() if event in line][-1]
