"""The actions of encoder_decoder.py on a file or a folder: encode, decode, info.

Sources exist. All that can be refused is refused before a model is loaded. Each action returns an
exit code.
"""

import time
from pathlib import Path

import numpy as np
from PIL import Image

from alic_tf import batch, container, errors, images, progress, targets, zoo
from alic_tf.batch import Done
from alic_tf.evaluation import report as reports
from alic_tf.quality_steps import quality_of_step

# Pixels of the pictures whose progress is shown.
LARGE = 1 << 24

def encode(
    source, output, model, quality, target, drop_metadata, verify, report, overwrite, jobs
):
    """Encodes the picture or the folder `source`.

    Arguments:
        source: path of a picture or a folder, or "-".
        output: file or folder to write, "-", or None.
        model: name of the model or path of an exported one.
        quality: 1..8.
        target: kind and value of a `targets.Target` that decides on the quality, or None.
        drop_metadata: whether EXIF, ICC profile and XMP are left out.
        verify: whether to decode what was coded and compare the latents.
        report: folder for the report, or None; the .alic files go there too if `output` is None.
        overwrite: whether existing files may be replaced.
        jobs: number of pictures to work on at once.
    """
    pairs = batch.plan(source, output or (report and f"{report}/"), images.find, ".alic")
    report_files = [Path(report, name) for name in reports.NAMES] if report else []
    batch.check_outputs(pairs, report_files, overwrite)
    target = target and targets.Target(*target)
    _lift_limit_of_pillow()

    def encode_one(path, output, advance):
        picture = images.open_picture(batch.read(path) if path is batch.STDIN else path)
        if drop_metadata:
            picture = picture.without_metadata()
        height, width, _ = picture.rgb.shape
        codec = _load(model)
        start = time.perf_counter()
        if target:
            reached, data, latents = targets.search(codec, picture, target)
        else:
            data, latents = codec.encode_with_latents(
                picture, quality, _if_large(width, height, advance)
            )
        seconds = time.perf_counter() - start
        row = reports.Row(path.name, width, height, len(data), seconds)
        if verify:
            _verify(codec, data, latents)
        if verify or report:
            start = time.perf_counter()
            decoded = codec.decode_picture(data)
            row.decode_seconds = time.perf_counter() - start
            row.judge(picture.rgb, decoded.rgb)
        batch.write(output, data)
        notes = [f", quality {reached:g}"] if target else []
        notes += [", latents verified"] if verify else []
        return Done(f"{output}: {row}{''.join(notes)}", row)

    rows, failed = batch.for_each(pairs, encode_one, jobs)
    if rows and (report or Path(source).is_dir()):
        print(reports.closing_text(rows), file=batch.lines_to(pairs[0][1]))
    if report:
        settings = {"target": target._asdict()} if target else {"quality": quality}
        reports.write(Path(report), rows, failed, model=model, **settings)
    return 1 if failed else 0


def decode(
    source, output, model, format, output_quality, drop_metadata, overwrite, max_side, max_pixels,
    jobs,
):  # fmt: skip
    """Decodes the .alic file or the folder `source`.

    Arguments:
        source, output, drop_metadata, overwrite, jobs: as for `encode`.
        model: model to decode with; None for the one each file names.
        format: ending of the files to write where `output` does not say; None for png.
        output_quality: of formats with loss, 1 to 100; None for the default.
        max_side, max_pixels: larger pictures are refused.
    """
    if format and batch.names_a_file(source, output):
        raise errors.UsageError("--format does not go with an --output that has an ending")
    ending = f".{format or 'png'}"
    pairs = batch.plan(source, output, _find_alic, ending)
    if source != batch.DASH and Path(source).is_file():
        _check_start(source)
    batch.check_outputs(pairs, [], overwrite)
    forms = {
        target: images.check_format(f"stdout{ending}" if target is batch.STDOUT else target)
        for _, target in pairs
    }
    for form in forms.values():
        if output_quality and not images.has_quality(form):
            raise errors.UsageError(f"--output_quality does not go with {form}")
    _lift_limit_of_pillow()

    def decode_one(path, target, advance):
        data = batch.read(path)
        header, _ = container.unpack(data, max_side, max_pixels)
        codec = _load(model) if model else zoo.load_by_id(header.model_id)
        start = time.perf_counter()
        picture = codec.decode_picture(data, _if_large(header.width, header.height, advance))
        seconds = time.perf_counter() - start
        if drop_metadata:
            picture = picture.without_metadata()
        quality = output_quality or images.DEFAULT_QUALITY
        batch.write(target, images.encode(picture, forms[target], quality))
        return Done(f"{target}: {header.width}x{header.height}, {seconds:.2f} s", seconds)

    seconds, failed = batch.for_each(pairs, decode_one, jobs)
    if seconds and Path(source).is_dir():
        print(f"average of {len(seconds)}: {sum(seconds) / len(seconds):.3f} s")
    return 1 if failed else 0


def info(source):
    """Prints a line per .alic file: what its header says, after checking it."""

    def describe(path, *_):
        data = batch.read(path)
        header, payload = container.unpack(data)
        parts = [
            f"{header.width}x{header.height}",
            *(["grey"] if header.grey else []),
            *_model_and_quality(header),
            f"{len(data)} bytes (payload {len(payload)})",
            f"{len(data) * 8 / (header.width * header.height):.3f} bpp",
            f"{header.lanes} lane{'s' if header.lanes > 1 else ''}",
        ]
        for name in container.CHUNKS.values():
            if chunk := getattr(header, name):
                label = name if name == "alpha" else name.upper()
                parts.append(f"{label} {len(chunk)} bytes")
        return Done(f"{path}: {', '.join(parts)}, checksum good", None)

    pairs = [(path, None) for path in batch.inputs(source, _find_alic)]
    _, failed = batch.for_each(pairs, describe)
    return 1 if failed else 0


def _lift_limit_of_pillow():
    """In this process the container's limit on pixels counts; it is checked as early."""
    Image.MAX_IMAGE_PIXELS = container.MAX_PIXELS


def _model_and_quality(header):
    """Name of the model and the quality, or the bare numbers if the model is not shipped."""
    model = zoo.describe(header.model_id)
    if model is None:
        return [f"unknown model {header.model_id.hex()}", f"quality step {header.quality}"]
    if len(model["lambdas"]) == 1:
        return [f"model {model['name']}"]
    return [f"model {model['name']}", f"quality {quality_of_step(header.quality):g}"]


def _find_alic(folder):
    return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".alic" and p.is_file())


def _check_start(path):
    """Raises for a file of another kind: it, and not its output, is then what is wrong."""
    try:
        with open(path, "rb") as file:
            container.check_start(file.read(container.START_BYTES))
    except errors.AlicError as error:
        error.path = path
        raise


def _if_large(width, height, advance):
    """`advance`, or a function that ignores progress for a picture that takes but a moment."""
    return advance if width * height >= LARGE else progress.ignore


def _verify(codec, data, latents):
    """Raises VerificationFailed unless the bytes decode to these latents, array by array."""
    decoded = codec.latents(data)
    if decoded.keys() != latents.keys():
        raise errors.VerificationFailed("verification failed: other latents than were encoded")
    for name, expected in latents.items():
        if not np.array_equal(decoded[name], expected):
            raise errors.VerificationFailed(f"verification failed: {name} does not decode equal")


def _load(model):
    try:
        return zoo.shared(model)
    except errors.UnknownModel as error:
        raise errors.UsageError(error.cause, error.path) from error
