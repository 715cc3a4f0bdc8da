"""Depth on its way from a burst of frames to the pixels of a triple; pure functions on arrays."""
