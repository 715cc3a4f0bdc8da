"""Calibration boards: their geometry, their files and their print."""
