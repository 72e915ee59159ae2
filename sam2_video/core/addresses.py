"""To which IP addresses the URLs of clients may lead.

The rules of the container and of the service. They hold where a connection is made: a redirect is a
new connection, and it goes to the very address that was checked.
"""

import ipaddress
import os
from collections.abc import Iterable

from sam2_video.core.errors import SettingError, shown

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

VARIABLE = "SAM2_ALLOW_PRIVATE"
ANY = tuple(ipaddress.ip_network(text) for text in ("0.0.0.0/0", "::/0"))

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What Python's `is_global` does not know to be no place of the public Internet.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "::/96",  # IPv4-compatible (RFC 4291, 2.5.5.1)
        "fec0::/10",  # site-local (RFC 3879)
        "64:ff9b:1::/48",  # NAT64 with a local prefix (RFC 8215)
        "192.88.99.0/24",  # 6to4 relay (RFC 7526)
        "5f00::/16",  # segment routing (RFC 9602)
        "2002::/16",  # 6to4 (RFC 3056)
        "2001::/32",  # Teredo (RFC 4380)
    )
)


class PrivateAddressError(ValueError):
    """A host leads to an address that URLs may not lead to; the message is a clause."""


class AddressRules:
    """Public addresses, and networks that the operator allows."""

    def __init__(self, allowed: Iterable[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    @classmethod
    def from_env(cls) -> "AddressRules":
        """The rules by `SAM2_ALLOW_PRIVATE`: `any` or nothing, `none`, or networks and commas.

        Raises:
            SettingError: it is something else.
        """
        text = os.environ.get("SAM2_ALLOW_PRIVATE", "").strip()
        if text in ("", "any"):
            return cls(ANY)
        parts = [] if text == "none" else [part.strip() for part in text.split(",")]
        try:
            return cls(ipaddress.ip_network(part) for part in parts)
        except ValueError as error:
            raise SettingError(
                f"{VARIABLE} is {shown(text)}; give any, none, or networks as 10.1.0.0/16,::1"
            ) from error

    def permits(self, address: str) -> bool:
        """Whether a connection may go to an IP address."""
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if _is_in(parsed, self._allowed):
            return True
        if isinstance(parsed, ipaddress.IPv6Address):
            inner = parsed.ipv4_mapped
            if inner is None and parsed in _NAT64:
                inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
            if inner is not None:
                return self.permits(str(inner))
        return parsed.is_global and not parsed.is_multicast and not _is_in(parsed, _NOT_PUBLIC)

    def checked(self, host: str, addresses: Iterable[str]) -> list[str]:
        """The addresses of a host, each once; all of them are permitted.

        Raises:
            PrivateAddressError: one is not.
        """
        found = list(dict.fromkeys(addresses))
        for address in found:
            if not self.permits(address):
                raise PrivateAddressError(
                    f"{host!r} leads to the private address {address}, to which this server does "
                    "not connect"
                )
        return found


def _is_in(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Iterable[Network]
) -> bool:
    return any(address.version == network.version and address in network for network in networks)
