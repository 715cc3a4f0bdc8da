"""The Nikon behind libgphoto2: configuration, driver, and the process that talks to the camera."""
