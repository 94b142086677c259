"""The pipelines: pictures of a pattern, work on each, and tables of what came of it."""

import csv
import io
import math
import uuid

import apache_beam as beam
from apache_beam.io import WriteToText, fileio
from apache_beam.io.filesystems import FileSystems

from alic_tf import metrics
from examples.beam.work import FAILURES, Work


def build(pipeline, pattern, out, work, write=None):
    """Adds the whole pipeline: `pictures-*.csv`, `means.csv` and `failures.csv` in `out`.

    Args:
        pipeline: `beam.Pipeline`.
        pattern: of the paths of pictures, on any file system that Beam knows.
        out: folder.
        work: `Work`, whose results are rows, or what `write` makes rows of.
        write: function of a result and `out` that writes a file and returns the result's row.
    """
    # Shuffled, since a worker may have listed all names.
    results = (pipeline | fileio.MatchFiles(pattern) | beam.Reshuffle() | fileio.ReadMatches()
               | "Work" >> beam.ParDo(work).with_outputs(FAILURES, main="results"))
    rows = results.results
    if write:
        rows |= "Write" >> beam.Map(write, out)
    rows | "Rows" >> _Table(f"{out}/pictures", work.COLUMNS)
    results[FAILURES] | "Failures" >> _Table(f"{out}/failures", Work.FAILURE, whole=True)
    (rows | "Numbers" >> beam.FlatMap(numbers) | beam.combiners.Mean.PerKey()
     | "Quality" >> beam.MapTuple(lambda key, mean: (key[0], (key[1], mean))) | beam.GroupByKey()
     | "Row" >> beam.MapTuple(lambda quality, means: {"quality": quality, **dict(means)})
     | "Means" >> _Table(f"{out}/means", work.COLUMNS[1:], whole=True))


def numbers(row):
    """((quality, column), number) of the finite numbers of a row, such as means are made of."""
    return [((row["quality"], column), value) for column, value in row.items()
            if column not in ("picture", "quality") and math.isfinite(value)]


def write_alic(result, out):
    """Writes (row, bytes of an .alic file) as the picture's name and ".alic"; returns the row.

    The file appears when it is complete: its name, and its bytes, are those of another attempt.
    """
    row, data = result
    path = f"{out}/{row['picture']}.alic"
    temporary = f"{path}.{uuid.uuid4().hex}.part"
    with FileSystems.create(temporary) as file:
        file.write(data)
    FileSystems.rename([temporary], [path])
    return row


class _Table(beam.PTransform):
    """Writes rows, dictionaries, as CSV: `path`.csv if it is to be whole, else in shards."""

    def __init__(self, path, columns, whole=False):
        super().__init__()
        self.path, self.columns = path, columns
        self.shards = {"num_shards": 1, "shard_name_template": ""} if whole else {}

    def expand(self, rows):
        columns = self.columns
        return (rows | beam.Map(lambda row: _line(map(metrics.finite(row).get, columns)))
                | WriteToText(self.path, ".csv", header=_line(columns), **self.shards))


def _line(values):
    """A line of CSV; None is empty."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow(values)
    return stream.getvalue()
