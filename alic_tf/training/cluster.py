"""Which of several workers this process is, without TensorFlow."""

import json
import os

from alic_tf import errors


def is_chief():
    """Whether this process writes the files of the run: the first worker of TF_CONFIG does."""
    try:
        task = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {})
    except (ValueError, AttributeError) as error:
        raise errors.UsageError("TF_CONFIG is not the JSON that TensorFlow expects") from error
    return task.get("index", 0) == 0
