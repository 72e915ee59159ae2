"""The clients' own example code over https, where outputs are files that can be read."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.service.conftest import FRAMES
from tests.service.serving import PUBLIC_VERSION, HostedServer

# As the model's page shows it, but for the click; it is run with the variables set and no more.
EXAMPLE = f"""
import sys
import replicate

output = replicate.run(
    "meta/sam-2-video:{PUBLIC_VERSION}",
    input={{
        "input_video": open(sys.argv[1], "rb"),
        "click_coordinates": "[20,20]",
        "mask_type": "binary",
        "output_video": False,
        "output_format": "webp",
        "output_quality": 80,
        "output_frame_interval": 1,
    }},
)
for index, item in enumerate(output):
    with open(f"output_{{index}}.webp", "wb") as file:
        file.write(item.read())
"""


@pytest.fixture(scope="module")
def secure(worker, tmp_path_factory) -> Iterator[HostedServer]:
    """The server with `--tls`."""
    options = ("--tls", "--api", f"http://127.0.0.1:{worker.port}")
    server = HostedServer(tmp_path_factory.mktemp("secure"), *options, scheme="https").start()
    yield server
    server.stop()


def test_pythons_example_code(secure, clip_path, tmp_path) -> None:
    trusted = secure.folder / "data" / "tls" / "ca-bundle.pem"
    assert str(trusted) in secure.log.read_text()
    environment = {
        **os.environ,
        "REPLICATE_BASE_URL": secure.url,
        "SSL_CERT_FILE": str(trusted),
    }
    command = [sys.executable, "-c", EXAMPLE, str(clip_path)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=60)
    pictures = sorted(tmp_path.glob("output_*.webp"))
    assert len(pictures) == FRAMES
    assert all(path.read_bytes()[8:12] == b"WEBP" for path in pictures)


def test_without_trust_there_is_no_connection(secure, clip_path, tmp_path) -> None:
    environment = {**os.environ, "REPLICATE_BASE_URL": secure.url}
    environment.pop("SSL_CERT_FILE", None)
    command = [sys.executable, "-c", EXAMPLE, str(clip_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr


def test_javascript_reads_a_file(secure, node, clip_uri) -> None:
    authority = secure.folder / "data" / "tls" / "ca.pem"
    assert str(authority) in secure.log.read_text()
    seen = node(
        f"{secure.url}/v1",
        "read",
        {"input_video": clip_uri, "click_coordinates": "[20,20]", "output_format": "png"},
        NODE_EXTRA_CA_CERTS=str(authority),
    )
    assert seen["url"].startswith(f"{secure.url}/v1/outputs/")
    assert seen["url"].endswith("/frame_00000.png")
    assert seen["type"] == "image/png"
    assert bytes(seen["start"][:4]) == b"\x89PNG"


def test_the_authority_stays_and_its_key_is_private(secure) -> None:
    folder = secure.folder / "data" / "tls"
    before = (folder / "ca.pem").read_bytes()
    for name in ("ca-key.pem", "server.pem"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    secure.stop()
    secure.start()
    assert (folder / "ca.pem").read_bytes() == before
