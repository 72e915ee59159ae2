"""Certificates for `--tls`: a local authority, made on first use and trusted by hand."""

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import certifi
import trustme

from sam2_video.service.settings import ANY_HOST

_NAME = re.compile(r"[0-9A-Za-z.:-]+")


@dataclass(frozen=True)
class Certificates:
    """Files of a server that speaks TLS.

    Attributes:
        chain: the server's certificate and key, for the server alone.
        authority: the authority's certificate, which clients have to trust.
        bundle: that one and the public authorities, for clients that take one list in all.
    """

    chain: Path
    authority: Path
    bundle: Path

    def how_to_trust(self) -> str:
        """Lines for a shell that make both official clients trust the server."""
        return (
            f"export SSL_CERT_FILE={self.bundle}        # Python\n"
            f"export NODE_EXTRA_CA_CERTS={self.authority}  # JavaScript"
        )


def tls_names(host: str, public_url: str | None) -> list[str]:
    """The names by which clients may call a server that listens on `host`."""
    names = ["localhost", "127.0.0.1", "::1"]
    others = [urlsplit(public_url or "").hostname]
    others.append(socket.gethostname() if host in ANY_HOST else host)
    return names + [name for name in others if name and name not in names and _NAME.fullmatch(name)]


def certificates(folder: Path, names: list[str]) -> Certificates:
    """A certificate for the host names, by the authority that lies in `folder`.

    Args:
        folder: where the authority lies; made if it is not there.
        names: host names and IP addresses of the server.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = Certificates(folder / "server.pem", folder / "ca.pem", folder / "ca-bundle.pem")
    key = folder / "ca-key.pem"
    if key.exists() and found.authority.exists():
        authority = trustme.CA.from_pem(found.authority.read_bytes(), key.read_bytes())
    else:
        authority = trustme.CA(organization_name="sam2-video local authority")
        _write_private(key, authority.private_key_pem.bytes())
        found.authority.write_bytes(authority.cert_pem.bytes())
    public = Path(certifi.where()).read_bytes()
    found.bundle.write_bytes(public + b"\n" + authority.cert_pem.bytes())
    issued = authority.issue_cert(*names)
    _write_private(found.chain, issued.private_key_and_cert_chain_pem.bytes())
    return found


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
