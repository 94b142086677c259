"""Trains a model on photographs; `python train_tf.py --help` says how."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # not there with python -I

from alic_tf.command.train import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
