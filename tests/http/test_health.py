"""What the health check says before, after and instead of a start."""

from pathlib import Path

import pytest

from bench.serving import ROOT, Receiver, Server, until

TINY = "sam2.1_hiera_tiny.pt"


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory):
    """Servers that cannot start, all on their way at once."""
    folder = tmp_path_factory.mktemp("health")
    empty, damaged = folder / "empty", folder / "damaged"
    for checkpoints in (empty, damaged):
        checkpoints.mkdir()
        (checkpoints / "sam2_nano.pt").symlink_to(ROOT / "checkpoints" / "sam2_nano.pt")
    (damaged / TINY).write_bytes(b"junk" * 1000)
    with Receiver() as weights:
        settings = {
            "missing": {"SAM2_CHECKPOINTS": str(empty), "SAM2_WEIGHTS_URL": weights.url("/w")},
            "damaged": {"SAM2_CHECKPOINTS": str(damaged)},
        }
        servers = {
            name: Server(folder / name, SAM2_MODEL="tiny", **environment).start()
            for name, environment in settings.items()
        }
        yield servers
        for server in servers.values():
            server.stop()


SENTENCES = {
    "missing": f"{TINY} cannot be fetched: the server answered 404 Not Found",
    "damaged": f"{TINY} is damaged and cannot be read",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_start_without_weights_fails_in_one_sentence(name, starts, inputs) -> None:
    server = starts[name]
    health = server.wait_for("SETUP_FAILED")
    assert health["setup"]["status"] == "failed"
    logs = health["setup"]["logs"]
    assert logs.strip().endswith(f"CheckpointError: {SENTENCES[name]}")
    assert "Traceback" not in logs
    assert "\n" not in logs.strip()
    # Neither of them falls back to the small model that lies beside.
    assert server.call("POST", "/predictions", {"input": inputs}).code == 503


def test_a_start_is_seen(tmp_path: Path, inputs) -> None:
    server = Server(tmp_path).start()
    try:
        health = server.wait_for("STARTING")
        assert health["setup"]["status"] == "starting"
        reply = server.call("POST", "/predictions", {"input": inputs})
        assert reply.code == 503
        assert reply.body["status"] == "failed"
        server.wait_for("READY")
        until(lambda: server.health()["setup"]["status"] == "succeeded")
        health = server.health()
        assert "model: nano" in health["setup"]["logs"]
        assert health["version"]["python_sdk"]
    finally:
        server.stop()
