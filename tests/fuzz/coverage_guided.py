"""Coverage-guided fuzzing of reader and decoder, by Atheris (`pip install atheris==3.0.0`).

    python -m tests.fuzz.coverage_guided runs/fuzz/corpus -max_total_time=600 -rss_limit_mb=2048

Arguments are those of libFuzzer. The corpus is filled with good files if it is empty. Every input
gets a right checksum, or else nothing behind the checksum would ever be reached.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["alic_tf"]):
    from tests.fuzz.judge import judge
    from tests.fuzz.streams import corpus, with_checksum
    from tests.tiny_models import codec, tiny_dwan

MAX_PIXELS = 2**15


def main(argv):
    """Fuzzes until libFuzzer's limits are reached or something is found."""
    made = codec(tiny_dwan())
    folders = [Path(argument) for argument in argv[1:] if not argument.startswith("-")]
    if folders:
        folders[0].mkdir(parents=True, exist_ok=True)
        if not any(folders[0].iterdir()):
            for i, data in enumerate(corpus(made)):
                (folders[0] / f"{i}.alic").write_bytes(data[:-4])
    atheris.Setup(argv, lambda data: judge(made, with_checksum(data), MAX_PIXELS))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
