"""What scans did, and what the library warns of (`src/warnings.rs`), to `logging.getLogger("fastdata")`."""

import logging

LOGGER = logging.getLogger("fastdata")
LOGGER.addHandler(logging.NullHandler())


def finished(rows: int, fetched_bytes: int, wall_ns: int, files: int) -> None:
    LOGGER.debug("scan: %d rows, %d bytes of %d files in %.1f ms", rows, fetched_bytes, files, wall_ns / 1e6)
