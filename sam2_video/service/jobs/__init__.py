"""Predictions in a queue, and the containers that run them."""
