"""2HDED:NET: one DenseNet-121 encoder, and a decoder each for depth and for the sharp photo."""
