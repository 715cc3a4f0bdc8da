"""A session on disk: nothing saved is ever lost, nothing half saved is ever seen."""
