"""Look at a processed scene: pictures of every stage, a page, a point cloud."""
