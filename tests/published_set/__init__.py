"""A small rendered dataset in the published layout of DFD_Indoor, with known truth, for tests."""
