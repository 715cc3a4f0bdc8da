"""The published tables of 2HDED:NET with measured numbers beside the published ones."""
