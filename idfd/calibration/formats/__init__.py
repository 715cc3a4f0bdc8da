"""Cameras in the files of other tools; see ``docs/camera-model.md`` for what each can hold."""
