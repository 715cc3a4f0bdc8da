"""Score depth and deblurring predictions on a release, under a frozen and hashed protocol."""
