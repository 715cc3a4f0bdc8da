"""Geometry and optics of the rig: the thin lens and its blur."""
