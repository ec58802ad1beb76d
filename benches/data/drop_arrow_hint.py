"""Makes the Arrow schema that `tpchgen-cli` leaves in a Parquet footer invisible to readers.

    python drop_arrow_hint.py FILE…

The hint says that strings are views, which one of the peers (Daft 0.7) refuses to read and which
sends another (pyarrow) down a slower path. Without it the files look like those of any other
writer. The key is renamed in place, so that nothing else in the file moves.
"""

import sys
from pathlib import Path

HINT = b"ARROW:schema"
RENAMED = b"arrow-schema"
TAIL_BYTES = 8


def drop_hint(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-TAIL_BYTES, 2)
        tail = file.read(TAIL_BYTES)
        assert tail[4:] == b"PAR1", f"{path.name} does not end as a Parquet file"
        footer_bytes = int.from_bytes(tail[:4], "little")
        begin = file.seek(-(TAIL_BYTES + footer_bytes), 2)
        at = file.read(footer_bytes).find(HINT)
        if at >= 0:
            file.seek(begin + at)
            file.write(RENAMED)


for name in sys.argv[1:]:
    drop_hint(Path(name))
