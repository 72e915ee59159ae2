"""One prediction, from a request to files."""
