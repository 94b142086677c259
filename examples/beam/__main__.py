"""Encodes, or measures, any number of pictures with Apache Beam: docs/beam.md.

    python -m examples.beam encode 'photos/**.png' --out coded --quality 4
    python -m examples.beam evaluate 'photos/**.png' --out report --quality 1 4 8

What else is given goes to Beam, such as --runner and its options; by default, the pipeline runs in
this process.
"""

import argparse
import re
import sys

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from alic_tf import errors, flags
from alic_tf.command import codecs
from examples.beam import pipelines, work


def run(argv):
    """Runs a pipeline to its end; returns the exit code: 1 if a picture failed."""
    parser = argparse.ArgumentParser(
        prog="examples.beam", description=__doc__.split("\n")[0], allow_abbrev=False,
        epilog="Other flags are Beam's, such as --direct_num_workers.")
    parser.add_argument("action", choices=("encode", "evaluate"))
    parser.add_argument("pattern", help="of paths, in quotes; ** matches folders, too")
    parser.add_argument("--out", required=True, help="folder to write to")
    parser.add_argument("--model", default="dwan", help="name, or path on every worker")
    parser.add_argument("--quality", type=float, nargs="+", default=[4.0], metavar="Q")
    parser.add_argument("--runner", default="FnApiRunner", help="of Beam; by default %(default)s")
    given, others = parser.parse_known_args(argv[1:])
    for quality in given.quality:
        codecs.check_quality(given.model, quality)
    # Beam looks for files in a folder that has a name.
    pattern = given.pattern if re.match(r"[^*?[]*/", given.pattern) else f"./{given.pattern}"
    _check_paths(pattern, given.out)
    start = re.match(r"[^*?[]*/", pattern)[0]
    if given.action == "evaluate":
        steps = [work.Evaluate(start, given.model, given.quality)]
    elif len(given.quality) == 1:
        steps = [work.Encode(start, given.model, *given.quality), pipelines.write_alic]
    else:
        raise errors.UsageError("a picture is encoded with one quality")
    pipeline = beam.Pipeline(options=PipelineOptions(others, runner=given.runner))
    pipelines.build(pipeline, pattern, given.out.rstrip("/"), *steps)
    counts = _finished(pipeline)
    print(f"{given.out}: {counts['pictures']} pictures, {counts['failures']} failed")
    return 1 if counts["failures"] else 0


def _check_paths(pattern, out):
    """Raises UsageError if there are no pictures, or `out` has the tables of another run."""
    for path, expected in ((pattern, True), (f"{out}/pictures-*.csv", False)):
        if bool(FileSystems.match([path], [1])[0].metadata_list) != expected:
            raise errors.UsageError("no such files" if expected else "exists; give another --out",
                                    path)


def _finished(pipeline):
    """Runs a pipeline; returns how many pictures were done, and how many failed, by name."""
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except RuntimeError as error:  # with the worker's traceback in its text
        raise errors.AlicError(f"the pipeline failed: {str(error).splitlines()[-1]}") from error
    counts = dict.fromkeys(("pictures", work.FAILURES), 0)
    for counter in result.metrics().query()["counters"]:
        if counter.key.metric.namespace == "alic":
            counts[counter.key.metric.name] += counter.result
    return counts


if __name__ == "__main__":
    sys.exit(flags.main(run, sys.argv))
