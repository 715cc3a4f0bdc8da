"""Photos with their settings: EXIF, pairing by aperture, and simulated scenes."""
