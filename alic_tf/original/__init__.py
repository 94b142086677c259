"""The authors' TensorFlow 1 program: its checkpoints and its compressed files."""
