"""Which models there are, how their weights are fetched and loaded, and the embedded one."""
