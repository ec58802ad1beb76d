"""Exceptions: each tells what a caller can do, and is also the built-in that fits."""


class FastdataError(Exception):
    """Anything that fastdata reports. `kind` is the same word as in the command's JSON errors."""

    kind: str = "other"
    #: Whether trying again may help.
    retryable: bool = False

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidArgumentError(FastdataError, ValueError):
    """The request is wrong: an unknown column, a condition that does not parse, a wrong type."""

    kind = "usage"


class ColumnNotFoundError(InvalidArgumentError, KeyError):
    """A column that is not there; the message has the names that are near."""


class NotFoundError(FastdataError, FileNotFoundError):
    """A table, file, snapshot or reference that does not exist."""

    kind = "not_found"


class AccessDeniedError(FastdataError, PermissionError):
    """The store refused: credentials or permissions."""

    kind = "permission"


class CorruptDataError(FastdataError, ValueError):
    """Bytes that contradict their own format, or the metadata that announced them."""

    kind = "corrupt_data"


class LimitExceededError(FastdataError, MemoryError):
    """A memory, size or nesting limit; the message names it and says how to raise it."""

    kind = "limit_exceeded"


class UnsupportedError(FastdataError, NotImplementedError):
    """Sound, but not readable or writable by this version; the message names what is missing."""

    kind = "unsupported"


class StorageError(FastdataError, OSError):
    """The network or the disk failed."""

    retryable = True


class CancelledError(FastdataError):
    """The scan was ended from outside."""

    kind = "interrupted"


class InternalError(FastdataError, RuntimeError):
    """A bug in fastdata. The process goes on."""
