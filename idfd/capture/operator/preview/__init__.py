"""The live page of the rig, served to this machine only."""
