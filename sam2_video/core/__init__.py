"""What every part builds on: errors, limits, logging, progress, processes, temporary files."""
