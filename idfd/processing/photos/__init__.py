"""The two photos of a pair: alignment, exposure and vignetting, and the pixels of the triple."""
