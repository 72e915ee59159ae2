"""One secret that a server keeps, from which all others are derived, and unguessable names."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

_BYTES = 32


class Secret:
    """Derives a key for each purpose; from one key no other can be computed."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    @classmethod
    def in_folder(cls, folder: Path) -> "Secret":
        """The secret that lies in a folder; made on first use, readable by its owner alone."""
        path = folder / "secret"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_bytes())
        with os.fdopen(descriptor, "wb") as file:
            value = secrets.token_bytes(_BYTES)
            file.write(value)
        return cls(value)

    def key(self, purpose: str, of: str = "") -> bytes:
        """32 bytes for a purpose and what it is about."""
        return hmac.new(self._value, f"{purpose}\0{of}".encode(), hashlib.sha256).digest()

    def token(self, purpose: str, of: str = "") -> str:
        """The same as text for a URL's path."""
        return _base32(self.key(purpose, of)[:20])


def new_id() -> str:
    """An unguessable id of 26 letters and digits, as the hosted API makes them."""
    return _base32(secrets.token_bytes(16))


def _base32(value: bytes) -> str:
    return base64.b32encode(value).decode().rstrip("=").lower()
