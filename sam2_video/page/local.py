"""The container's server without a container, for a page that was not told where one is."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sam2_video.checkpoints import PROJECT

_SECONDS_TO_END = 20.0


@contextmanager
def local_server(port: int | None = None) -> Iterator[str]:
    """Run the server that `make serve` runs while the block does; its address.

    It is ready some seconds later; its health check tells. Its log goes where ours goes.

    Args:
        port: where it listens; a free one if None.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="sam2-video-page-") as home:
        (Path(home) / ".cog").mkdir()
        (Path(home) / "temporary").mkdir()
        shutil.copy(PROJECT / "openapi.json", Path(home) / ".cog" / "openapi_schema.json")
        (Path(home) / "predict.py").symlink_to(PROJECT / "predict.py")
        search = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            # The server starts its worker by the name `python`.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(filter(None, search)),
            "COG_PREDICT_TYPE_STUB": "predict.py:Predictor",
            "PORT": str(port),
            "TMPDIR": f"{home}/temporary",  # whatever it leaves goes with the folder
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1"],
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the page, which ends it in order
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_SECONDS_TO_END)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
