"""Typed errors of the codec: each is one line that names the cause and, where known, the file."""


class AlicError(Exception):
    """Something is wrong with the data; base of every error the codec raises on purpose.

    Arguments:
        cause: one line, without the file's name.
        path: the file concerned, if known. Whoever knows it may set it later (`error.path = ...`).
    """

    exit_code = 1

    def __init__(self, cause: str, path: object = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.path = path

    def __str__(self) -> str:
        if self.path is None:
            return self.cause
        # Names of files may hold line ends, and bytes that are no text.
        path = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(self.path))
        return f"{path}: {self.cause}"


class UsageError(AlicError):
    """The request itself is wrong (flags, paths), whatever the data may be."""

    exit_code = 2


class NotAnAlicFile(AlicError):
    """The data do not begin like an .alic file."""


class NewerVersion(AlicError):
    """The file was written in a later version of the format than this program knows."""


class UnknownModel(AlicError):
    """No model here has the name asked for, or the id that the file asks for."""


class Truncated(AlicError):
    """The file ends before the end its header announces."""


class TrailingData(AlicError):
    """The file goes on after the end its header announces."""


class ChecksumMismatch(AlicError):
    """The file has its announced length, but some of its bytes have changed."""


class Malformed(AlicError):
    """The bytes are intact but say something impossible, such as a width of zero."""


class LimitExceeded(AlicError):
    """The picture is larger than the codec agrees to handle."""


class ImageUnreadable(AlicError):
    """The file is not an image that can be read, or only a part of one."""


class TargetOutOfReach(AlicError):
    """No quality of the model gives this picture the size or the likeness that was asked for."""


class VerificationFailed(AlicError):
    """The file just written does not decode to the latents that were encoded."""


class ImageWarning(UserWarning):
    """The picture was read or written, but not everything of it was kept."""
