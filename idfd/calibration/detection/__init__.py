"""Boards found in images, their corners to a few hundredths of a pixel."""
