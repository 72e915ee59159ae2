"""What every part of the service says where the fault is its own."""

SERVER_FAILED = "The server failed; its log says why."
