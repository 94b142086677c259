"""`python -m alic_tf.evaluation` is `alic evaluate`."""

import sys

from alic_tf import flags
from alic_tf.command import evaluate

if __name__ == "__main__":
    sys.exit(flags.main(evaluate.run, sys.argv))
