"""Encodes and decodes real pictures with codecs, in processes over pictures; resumes."""

import hashlib
import sys
import time
import warnings
from concurrent.futures import as_completed
from pathlib import Path

from alic_tf import errors, metrics
from alic_tf.evaluation import log, workers
from alic_tf.pictures import images

# Where the logs lie in the folder of a report.
LOGS = "measurements"


def run(codecs, paths, folder, jobs=1):
    """Measures all pictures with all codecs, but for what the logs in `folder` already hold.

    A picture that fails is reported on stderr and the others go on. Each measurement is in its log
    as soon as it is made: an interrupted run loses, and repeats, only the files in work.

    Args:
        codecs: list of `baselines.Classical` and `learned.Learned`.
        paths: list of pictures, with distinct names.
        folder: of the report.
        jobs: number of processes. Times are those of `jobs` codecs running at once.

    Returns:
        ({name of a codec: its measurements}, set of names of pictures that failed). A measurement
        is a dictionary: codec (its identity), image, digest, setting, width, height, bytes, bpp,
        psnr, ssim, ms_ssim, encode_seconds, decode_seconds.
    """
    digests = {path: _digest(path) for path in paths}
    measured, failures = {}, {}
    with workers.pool(jobs) as submit:
        for codec in codecs:
            path_of_log = Path(folder, LOGS, f"{codec.name}.jsonl")
            done = _finished(codec, path_of_log, digests)
            tasks = [
                submit(measure, codec, path, digests[path], missing, path_of_log)
                for path in paths
                if (missing := [s for s in codec.settings if (path, s) not in done])
            ]
            _follow(codec.name, tasks, len(paths), failures)
            done = _finished(codec, path_of_log, digests)
            measured[codec.name] = [
                done[path, setting]
                for setting in codec.settings
                for path in paths
                if all((path, s) in done for s in codec.settings)
            ]
    return measured, set(failures.values())


def measure(codec, path, digest, settings, path_of_log):
    """Measures a picture at some settings of a codec and logs each; returns (path, error or None).

    Runs in a worker process.
    """
    try:
        codec = _loaded(codec)
        image = read(path)
        for setting in settings:
            record = {
                "codec": codec.identity,
                "image": path.name,
                "digest": digest,
                "setting": setting,
                **measured(codec, image, setting),
            }
            log.append(path_of_log, metrics.finite(record))
    except errors.AlicError as error:
        error.path = error.path or path
        return path, str(error)
    except Exception as error:  # whatever one picture may cause, the others go on
        return path, f"{path}: {codec.name}: {type(error).__name__}: {error}"
    return path, None


def measured(codec, image, setting):
    """What a codec does to a picture, uint8 [h, w, 3], as a dictionary.

    width, height, bytes, bpp, psnr (dB), ssim, ms_ssim, encode_seconds, decode_seconds.
    """
    start = time.perf_counter()
    data = codec.encode(image, setting)
    encoded = time.perf_counter()
    decoded = codec.decode(data)
    end = time.perf_counter()
    height, width = image.shape[:2]
    return {
        "width": width,
        "height": height,
        "bytes": len(data),
        "bpp": 8 * len(data) / (width * height),
        "psnr": metrics.psnr(image, decoded),
        "ssim": metrics.ssim(image, decoded),
        "ms_ssim": metrics.ms_ssim(image, decoded),
        "encode_seconds": encoded - start,
        "decode_seconds": end - encoded,
    }


_codecs = {}


def _loaded(codec):
    """The codec, loaded once per process."""
    if codec.identity not in _codecs:
        _codecs[codec.identity] = codec.load()
    return _codecs[codec.identity]


def read(path):
    """A picture as codecs take it; what of it is not measured, such as transparency, is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.ImageWarning)
        return images.read(path)


def _digest(path):
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return None  # reading the picture will say why


def _finished(codec, path_of_log, digests):
    """What the log holds of this version of the codec and these pictures: {(path, setting): _}."""
    paths = {(path.name, digest): path for path, digest in digests.items()}
    return {
        (paths[key], record["setting"]): record
        for record in log.read(path_of_log)
        if record["codec"] == codec.identity
        and (key := (record["image"], record["digest"])) in paths
    }


def _follow(name, tasks, total, failures):
    """Waits for tasks; reports progress and failures, the latter as {message: picture's name}."""
    start = time.monotonic()
    already = total - len(tasks)
    for i, task in enumerate(as_completed(tasks) if tasks else (), 1):
        path, message = task.result()
        if message is not None and message not in failures:
            failures[message] = path.name
            print(f"error: {message}", file=sys.stderr)
        left = (time.monotonic() - start) / i * (len(tasks) - i)
        when = f", about {_duration(left)} left" if i < len(tasks) else ""
        print(f"{name} {already + i}/{total} {path.name}{when}", file=sys.stderr)
    if not tasks:
        print(f"{name}: all {total} measured before", file=sys.stderr)


def _duration(seconds):
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
