"""Durable writing, content hashes, and reading of image files with clear errors."""
