"""The steps of a take in order, on one machine or many, and what is left of them on disk."""
