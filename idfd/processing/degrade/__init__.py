"""Degradations of the defocused photo in physical units: camera shake, motion blur, sensor noise.

Sharp photo, depth and defocus map stay what they are: they remain the truth that a model is held
against. All light is added up in linear light, and every draw depends on a seed and the triple's
name alone.
"""
