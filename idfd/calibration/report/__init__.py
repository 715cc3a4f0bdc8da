"""What an operator reads of a calibration: one HTML page."""
