"""The actions of encoder_decoder.py on a file or a folder: encode, decode, info.

Sources exist. All that can be refused is refused before a model is loaded. Each action returns an
exit code. In a folder a file that fails is reported on stderr and the others go on.
"""

import functools
import os
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import alic_tf
from alic_tf import container, errors, files, images
from alic_tf.evaluation import report as reports
from alic_tf.quality_steps import quality_of_step


def encode(source, output, model, quality, verify, report, overwrite):
    """Encodes the picture or the folder `source`.

    Arguments:
        source: path of a picture or a folder.
        output: file or folder to write, or None.
        model: name of the model or path of an exported one.
        quality: 1..8.
        verify: whether to decode what was written and compare the latents.
        report: folder for the report, or None; the .alic files go there too if `output` is None.
        overwrite: whether existing files may be replaced.
    """
    pairs = _plan(source, output or (report and f"{report}/"), images.find, ".alic")
    report_files = [Path(report, name) for name in reports.NAMES] if report else []
    _check_outputs(pairs, report_files, overwrite)

    def encode_one(path, target):
        picture = _read_picture(path)
        codec = _load(model)
        start = time.perf_counter()
        data, latents = codec.encode_with_latents(picture, quality)
        seconds = time.perf_counter() - start
        height, width, _ = picture.rgb.shape
        row = reports.Row(path.name, width, height, len(data), seconds)
        with files.replacing(target) as temporary:
            temporary.write_bytes(data)
            if verify:
                _verify(codec, temporary.read_bytes(), latents)
            if verify or report:
                start = time.perf_counter()
                decoded = codec.decode_picture(data)
                row.decode_seconds = time.perf_counter() - start
                row.judge(picture.rgb, decoded.rgb)
        print(f"{target}: {row}{', latents verified' if verify else ''}")
        return row

    rows, failed = _for_each(pairs, encode_one)
    if rows and (report or Path(source).is_dir()):
        print(reports.closing_text(rows))
    if report:
        reports.write(Path(report), rows, failed, model=model, quality=quality)
    return 1 if failed else 0


def decode(source, output, model, overwrite, max_pixels):
    """Decodes the .alic file or the folder `source`, by default to PNG.

    Arguments:
        source, output, overwrite: as for `encode`.
        model: model to decode with; None for the one each file names.
        max_pixels: larger pictures are refused.
    """
    pairs = _plan(source, output, _find_alic, ".png")
    _check_outputs(pairs, [], overwrite)
    for _, target in pairs:
        images.check_format(target)

    def decode_one(path, target):
        data = _read_bytes(path)
        header, _ = container.unpack(data, max_pixels=max_pixels)
        codec = _load(model) if model else _load_by_id(header.model_id)
        start = time.perf_counter()
        picture = codec.decode_picture(data)
        seconds = time.perf_counter() - start
        images.write(target, picture)
        print(f"{target}: {header.width}x{header.height}, {seconds:.2f} s")
        return seconds

    seconds, failed = _for_each(pairs, decode_one)
    if seconds and Path(source).is_dir():
        print(f"average of {len(seconds)}: {sum(seconds) / len(seconds):.3f} s")
    return 1 if failed else 0


def info(source):
    """Prints a line per .alic file: what its header says, after checking it."""

    def describe(path, _):
        data = _read_bytes(path)
        header, payload = container.unpack(data)
        parts = [
            f"{header.width}x{header.height}",
            *_model_and_quality(header),
            f"{len(data)} bytes (payload {len(payload)})",
            f"{len(data) * 8 / (header.width * header.height):.3f} bpp",
            f"{header.lanes} lane{'s' if header.lanes > 1 else ''}",
        ]
        if header.grey:
            parts.append("grey")
        for name in ("alpha", "exif", "icc"):
            if extra := getattr(header, name):
                parts.append(f"{name} {len(extra)} bytes")
        print(f"{path}: {', '.join(parts)}, checksum good")

    _, failed = _for_each([(path, None) for path in _inputs(source, _find_alic)], describe)
    return 1 if failed else 0


def _model_and_quality(header):
    """Name of the model and the quality, or the bare numbers if the model is not shipped."""
    from alic_tf import zoo

    model = zoo.describe(header.model_id)
    if model is None:
        return [f"unknown model {header.model_id.hex()}", f"quality step {header.quality}"]
    if len(model["lambdas"]) == 1:
        return [f"model {model['name']}"]
    return [f"model {model['name']}", f"quality {quality_of_step(header.quality):g}"]


def _inputs(source, find):
    """The file `source`, or the files `find` finds in the folder `source`."""
    source = Path(source)
    if not source.is_dir():
        return [source]
    try:
        found = find(source)
    except OSError as error:
        raise errors.UsageError(f"cannot be read: {error.strerror}", source) from error
    if not found:
        raise errors.UsageError("nothing to do: no such files in this folder", source)
    return found


def _plan(source, output, find, ending):
    """Pairs (input, output) of paths.

    Outputs lie beside their inputs unless `output` says otherwise; it means a folder if it is one,
    ends with a slash, or if the source is a folder.
    """
    inputs = _inputs(source, find)
    to_folder = Path(source).is_dir()
    if output and not to_folder and not output.endswith(os.sep) and not Path(output).is_dir():
        return [(inputs[0], Path(output))]
    # a.png and a.jpg would both become a.alic: then all names keep their ending.
    distinct = len({path.stem for path in inputs}) == len(inputs)
    return [
        (path, Path(output or path.parent, (path.stem if distinct else path.name) + ending))
        for path in inputs
    ]


def _check_outputs(pairs, others, overwrite):
    """Raises UsageError if an output exists, would replace its input, or cannot be written."""
    targets = [target for _, target in pairs] + others
    for source, target in pairs:
        if target.exists() and target.samefile(source):
            raise errors.UsageError("the output would replace the input; give --output", target)
    for target in targets:
        if target.is_dir():
            raise errors.UsageError("is a folder", target)
        if os.path.lexists(target) and not overwrite:
            hint = "exists; give --overwrite to replace it, or --output to write elsewhere"
            raise errors.UsageError(hint, target)
    for folder in {target.parent for target in targets}:
        files.check_writable(folder)


def _find_alic(folder):
    return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".alic" and p.is_file())


def _for_each(pairs, work):
    """Runs work(input, output) on all pairs; returns (results, names of inputs that failed)."""
    results, failed = [], []
    with _progress(len(pairs)) as advance:
        for path, target in pairs:
            try:
                results.append(work(path, target))
            except errors.UsageError:
                raise  # would be the same for every file
            except (errors.AlicError, MemoryError) as error:
                if isinstance(error, MemoryError):
                    error = errors.LimitExceeded("too large for the memory of this machine")
                error.path = error.path or path
                print(f"error: {error}", file=sys.stderr)
                failed.append(path.name)
            advance()
    if len(pairs) > 1 and failed:
        print(f"{len(failed)} of {len(pairs)} files failed", file=sys.stderr)
    return results, failed


@contextmanager
def _progress(total):
    """Yields a function to call after each file; a bar on stderr if a person is looking at it."""
    if total == 1 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # Redirected lines go to the bar's stream: wanted on a terminal, wrong for `> list.txt`.
    with Progress(console=Console(stderr=True), redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


def _read_picture(path):
    """Reads a picture; warnings become lines on stderr."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = images.open_picture(path)
    for warning in caught:
        text = " ".join(str(warning.message).split())
        named = text if text.startswith(str(path)) else f"{path}: {text}"
        print(f"warning: {named}", file=sys.stderr)
    return picture


def _read_bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise errors.AlicError(f"cannot be read: {error.strerror}", path) from error


def _verify(codec, written, latents):
    """Raises VerificationFailed unless the bytes decode to these latents, array by array."""
    decoded = codec.latents(written)
    if decoded.keys() != latents.keys():
        raise errors.VerificationFailed("verification failed: other latents than were encoded")
    for name, expected in latents.items():
        if not np.array_equal(decoded[name], expected):
            raise errors.VerificationFailed(f"verification failed: {name} does not decode equal")


@functools.cache
def _load(model):
    try:
        return alic_tf.load(model)
    except errors.UnknownModel as error:
        raise errors.UsageError(error.cause) from error


@functools.cache
def _load_by_id(model_id):
    from alic_tf import zoo

    return zoo.load_by_id(model_id)
