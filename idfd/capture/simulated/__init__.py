"""Simulated captures with known truth."""

SCHEMA = "idfd/simulated-truth"
"""Schema of the truth file that lies beside simulated photos and tells them from real ones."""
