"""Training of the network on a release: seeded, resumable, logged."""
