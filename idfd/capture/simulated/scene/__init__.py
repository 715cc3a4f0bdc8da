"""Procedural rooms: geometry, materials and light, from a seed."""
