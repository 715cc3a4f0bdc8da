"""The pipeline that iDFD was published with, kept so that others can be compared with it."""
