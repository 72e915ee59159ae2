"""The example: a rendered clip with known truth, and what renders it."""
