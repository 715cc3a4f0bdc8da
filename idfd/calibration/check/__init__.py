"""Is the calibration still true? Measured on scenes without a board."""
