"""Metrics as pure functions on arrays, and what is known about each of them."""
