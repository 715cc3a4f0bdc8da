"""Measurements behind the instant checks; each module measures, none judges."""
