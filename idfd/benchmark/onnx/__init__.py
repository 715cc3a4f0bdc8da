"""ONNX files: written from checkpoints, and scored as models of the benchmark."""
