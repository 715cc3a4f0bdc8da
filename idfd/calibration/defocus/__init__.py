"""Blur of the photo camera's lens as a function of depth: the model, and its fit to photos."""
