"""The database of predictions and files, and where file contents lie."""
