"""Losses of 2HDED:NET as pure functions on tensors, and how they are put together."""
