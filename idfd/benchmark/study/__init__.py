"""Experiments of the thesis: many trainings that differ in one thing, scored alike."""
