"""Are the splits of a release fair? Leaks, parity, generalisation and a short training."""
