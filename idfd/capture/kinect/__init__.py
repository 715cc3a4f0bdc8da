"""The Azure Kinect: live through the SDK, and from recordings with or without it."""
