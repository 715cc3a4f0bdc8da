"""Releases: build, read, verify, split and describe HDF5 files of triples; import foreign sets."""
