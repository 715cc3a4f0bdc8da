"""The authors' processing of iDFD as they describe it, to compare with."""
