"""The world in front of the simulated rig: what each camera would see, and what is there.

Interface agreed with the responder and the rig (being written)::

    QUALITIES: dict[str, Quality]            # tiny, small, full
    class World(quality, seed, focus_distance_m, cache: Path | None)
        place(place: Placement) -> None      # environment, scene name, view number -> a room
        photo(f_number, exposure_s, iso, release: int) -> (H, W, 3) uint8 sRGB
        raw(f_number, exposure_s, iso, release: int) -> (H, W) uint16 RGGB mosaic, 14 bit
        live(f_number, exposure_s, iso) -> (h, w, 3) uint8 sRGB, 640 wide
        depth_frames(count, first: int) -> (depth (N,576,640) uint16, infrared (N,576,640) uint16)
        colour(count...) -> Kinect colour JPEG bytes
        truth() -> Truth
        calibration() -> RigCalibration
        factory_calibration() -> bytes
"""
