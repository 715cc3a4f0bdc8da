"""Blur a sharp photo by a map of defocus, with gradients to both: the defocus simulation module."""
