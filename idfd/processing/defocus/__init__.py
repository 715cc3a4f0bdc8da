"""Synthetic defocus: a defocused photo out of an all-in-focus photo and its depth."""
