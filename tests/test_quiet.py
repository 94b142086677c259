"""What TensorFlow says while it is loaded is kept from the user; what else is said is not."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = """
import os
from alic_tf import flags

def run(argv):
    import importlib.util
    assert importlib.util.find_spec("tensorflow")
    import tensorflow
    assert tensorflow.loaded
    os.write(2, b"after")

os.write(2, b"before ")
flags.main(run, [])
"""


def said(folder, module):
    (folder / "tensorflow.py").write_text(module)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"PYTHONPATH": f"{folder}:{ROOT}"}, cwd=folder,
        capture_output=True, text=True)
    return result.stderr


def test_loading_is_silent(tmp_path):
    module = "import os; os.write(2, b'no GPU'); loaded = True"
    assert said(tmp_path, module) == "before after"


def test_failures_are_not(tmp_path):
    module = "import os; os.write(2, b'no GPU'); raise ImportError('no library')"
    stderr = said(tmp_path, module)
    assert stderr.startswith("before ") and stderr.endswith("ImportError: no library\n")
    assert "GPU" not in stderr.splitlines()[0]
