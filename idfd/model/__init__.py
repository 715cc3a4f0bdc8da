"""What everyone talks about: cameras, scenes, takes, triples, provenance, and their schemas."""
