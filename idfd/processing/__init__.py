"""From captures to clean triples: alignment, photometry, crops, and the run over a collection."""
