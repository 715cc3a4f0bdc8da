"""A rig made of software: rendered rooms behind the true drivers, with known truth."""
