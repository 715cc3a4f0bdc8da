"""The solver: intrinsics and extrinsics of a rig from views of a board."""
