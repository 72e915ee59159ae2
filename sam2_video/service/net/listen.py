"""Taking a port before anything else happens, so that a failure is one sentence."""

import socket

from sam2_video.core.errors import reason_of
from sam2_video.service.settings import SettingsError


def listen(option: str, host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        option: of the command line, for the error.
        host: a name or address of this machine.
        port: 0 takes a free one.

    Raises:
        SettingsError: the port is taken, or the host is not of this machine.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        reason = reason_of(error).partition(" (")[0].lower()  # without the address, again
        raise SettingsError(
            f"{option} cannot be used: listening on {host}:{port} fails, {reason}"
        ) from error
