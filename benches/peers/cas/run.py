"""Saves and loads of blobs: ours, Metaflow's as it is installed and with our extension, lz4 and zstandard of Python, plain files.

One process for all, so that turns can alternate: what a busy machine does to one it does to the others. Every save is of a content
that the store does not have, into an empty folder; every load is compared with what was saved, outside of the time. What is timed
begins with the pickled bytes and ends with a file under its name, or the other way round; pickling itself is the same for all.

Prints one JSON object: for each payload and engine the medians in milliseconds and the bytes on the disk.
"""

import hashlib
import json
import os
import pathlib
import pickle
import shutil
import statistics
import sys
import tempfile
import time

import lz4.frame
import numpy as np
import zstandard

TURNS = int(os.environ.get("FASTDATA_BENCH_TURNS", "5"))


def payloads():
    """The five of the case study, and rounded numbers."""
    random = np.random.default_rng(7)
    small = {f"parameter_{idx}": idx * 0.125 for idx in range(9)}
    metrics = {f"metric_{idx}": [float(x) for x in random.random(40).round(4)] for idx in range(120)}
    return {
        "dict 233 B": small,
        "metrics 52 KB": metrics,
        "float64 800 KB": random.standard_normal(100_000),
        "float64 8 MB": random.standard_normal(1_000_000),
        "random 5 MB": random.bytes(5_000_000),
        "rounded float32 64 MB": random.standard_normal(16_000_000).round(2).astype(np.float32),
    }


class Files:
    """A codec over plain files: temporary name, rename."""

    def __init__(self, pack, unpack, root):
        self.pack, self.unpack, self.root = pack, unpack, pathlib.Path(root)

    def save(self, content):
        packed = self.pack(content)
        key = hashlib.sha1(content).hexdigest() if self.pack is not plain else "plain"
        temporary = self.root / f"{key}.tmp"
        with open(temporary, "wb") as file:
            file.write(packed)
        os.rename(temporary, self.root / key)
        return key

    def load(self, key):
        return self.unpack((self.root / key).read_bytes())


def plain(content):
    return content


class Metaflow:
    """Its content-addressed store: its own, or the one that our extension puts in its place, in one of its modes."""

    def __init__(self, root, mode=None):
        from metaflow.datastore import content_addressed_store
        from metaflow.plugins.datastores.local_storage import LocalStorage

        own = content_addressed_store._orig.ContentAddressedStore
        replaced = content_addressed_store.ContentAddressedStore
        assert replaced is not own, "the extension is not there"
        self.mode = mode
        self.store = (replaced if mode else own)("Flow/data", LocalStorage(root))

    def save(self, content):
        os.environ["METAFLOW_FASTDATA_MODE"] = self.mode or "vanilla"
        return self.store.save_blobs([content])[0].key

    def load(self, key):
        [(_, content)] = self.store.load_blobs([key])
        return content


def engines():
    """Name → what makes one in an empty folder."""
    import fastdata as fd

    ours = {f"fastdata {form}": (lambda root, form=form: fd.Blobs(root, write_as=form)) for form in ("fast", "compact", "vanilla", "lz4")}
    return ours | {
        "metaflow": Metaflow,
        "metaflow, extension, vanilla": lambda root: Metaflow(root, "vanilla"),
        "metaflow, extension, fastdata": lambda root: Metaflow(root, "fastdata"),
        "lz4 + sha1": lambda root: Files(lz4.frame.compress, lz4.frame.decompress, root),
        "zstd 3 + sha1": lambda root: Files(zstandard.ZstdCompressor(3).compress, zstandard.ZstdDecompressor().decompress, root),
        "plain file": lambda root: Files(plain, plain, root),
    }


def stored_bytes(root):
    return sum(path.stat().st_size for path in pathlib.Path(root).rglob("*") if path.is_file())


def one_turn(make, content, scratch):
    """Milliseconds to save and to load, and bytes on the disk."""
    root = tempfile.mkdtemp(dir=scratch)
    engine = make(root)
    # The first save of a store makes its folders.
    engine.save(b"something else, so that folders and imports are there")
    before = stored_bytes(root)
    start = time.perf_counter()
    key = engine.save(content)
    saved = time.perf_counter()
    loaded = engine.load(key)
    end = time.perf_counter()
    assert memoryview(loaded) == memoryview(content), "another content came back"
    size = stored_bytes(root) - before
    del loaded
    shutil.rmtree(root)
    return (saved - start) * 1e3, (end - saved) * 1e3, size


def main():
    results = {}
    makers = engines()
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as scratch:
        for name, value in payloads().items():
            content = pickle.dumps(value, protocol=4)
            turns = {engine: [] for engine in makers}
            count = TURNS if len(content) > 100_000 else TURNS * 20
            for turn in range(count + 1):
                for engine, make in makers.items():
                    measured = one_turn(make, content, scratch)
                    if turn > 0:
                        turns[engine].append(measured)
            results[name] = {
                "content_bytes": len(content),
                "engines": {
                    engine: {
                        "save_ms": statistics.median(save for save, _, _ in measured),
                        "load_ms": statistics.median(load for _, load, _ in measured),
                        "stored_bytes": measured[0][2],
                    }
                    for engine, measured in turns.items()
                },
            }
    print(json.dumps({"schema": "fastdata.bench.cas/1", "turns": TURNS, "payloads": results}))


main()
