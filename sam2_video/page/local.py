"""The container's server without a container, for a page that was not told where one is."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sam2_video.checkpoints import PROJECT
from sam2_video.workspace import Workspace

_SECONDS_TO_END = 20.0
_PR_SET_PDEATHSIG = 1


@contextmanager
def local_server(port: int | None = None) -> Iterator[str]:
    """Run the server that `make serve` runs while the block does; its address.

    It is ready some seconds later; its health check tells. Its log goes where ours goes.

    Args:
        port: where it listens; a free one if None.

    Raises:
        ValueError: the project's files are not here, as in an installed package; one sentence.
    """
    if not (PROJECT / "openapi.json").is_file():
        raise ValueError("the local server needs the project's folder; name a container with --api")
    port = port or free_port()
    with closing(Workspace()) as workspace:
        home = workspace.folder
        (home / ".cog").mkdir()
        (home / "temporary").mkdir()
        shutil.copy(PROJECT / "openapi.json", home / ".cog" / "openapi_schema.json")
        (home / "predict.py").symlink_to(PROJECT / "predict.py")
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
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
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


def _die_with_parent() -> None:
    """In the new process: ask for SIGTERM when the page is killed and cannot end it in order."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
