"""Metaflow's content-addressed store over `fastdata.Blobs`."""

import os

from metaflow.datastore.content_addressed_store._orig import BlobCache  # noqa: F401: others import it from here
from metaflow.datastore.content_addressed_store._orig import ContentAddressedStore as Original
from metaflow.datastore.exceptions import DataException

MODES = {"vanilla": "vanilla", "lz4": "lz4", "fastdata": "metaflow-fast"}

# What one call of ours keeps in memory of an iterator's blobs.
BATCH_BYTES = 64 << 20
BATCH_COUNT = 64


def mode():
    """The mode that the environment names."""
    name = os.environ.get("METAFLOW_FASTDATA_MODE", "vanilla")
    if name not in MODES:
        raise DataException(f"METAFLOW_FASTDATA_MODE is {name!r}: one of {', '.join(MODES)} is possible")
    return MODES[name]


class ContentAddressedStore(Original):
    """Saves and loads through fastdata where the datastore is a folder or a bucket of S3."""

    def __init__(self, prefix, storage_impl):
        super().__init__(prefix, storage_impl)
        self._stores = {}

    def _blobs(self, write_as):
        """Our store of the same blobs; None for datastores of other kinds."""
        if self.TYPE not in ("local", "spin", "s3"):
            return None
        if write_as not in self._stores:
            # Not before it is needed: most imports of Metaflow save nothing.
            import fastdata

            root = self._storage_impl.full_uri(self._prefix)
            self._stores[write_as] = fastdata.Blobs(root, write_as=write_as)
        return self._stores[write_as]

    def save_blobs(self, blob_iter, raw=False, len_hint=0, is_transfer=False):
        blobs = None if is_transfer else self._blobs("raw" if raw else mode())
        if blobs is None:
            return super().save_blobs(blob_iter, raw=raw, len_hint=len_hint, is_transfer=is_transfer)
        keys, batch, batch_bytes = [], [], 0
        for blob in blob_iter:
            batch.append(blob)
            batch_bytes += len(blob)
            if batch_bytes >= BATCH_BYTES or len(batch) >= BATCH_COUNT:
                keys += save(blobs, batch)
                batch, batch_bytes = [], 0
        keys += save(blobs, batch)
        return [self.save_blobs_result(uri=self._uri(key) if raw else None, key=key) for key in keys]

    def _uri(self, key):
        return self._storage_impl.full_uri(self._storage_impl.path_join(self._prefix, key[:2], key))

    def load_blobs(self, keys, force_raw=False, is_transfer=False):
        keys = list(keys)
        blobs = None if force_raw else self._blobs(mode())
        if blobs is None or not all(map(is_ours, keys)):
            yield from super().load_blobs(keys, force_raw=force_raw, is_transfer=is_transfer)
            return
        for key in keys:
            blob = self._blob_cache.load_key(key) if self._blob_cache else None
            if blob is None:
                blob = load(blobs, key)
                if self._blob_cache:
                    self._blob_cache.store_key(key, blob)
            if is_transfer:
                yield key, blob, {"cas_raw": False, "cas_version": 1}
            else:
                yield key, blob


def save(blobs, batch):
    """The keys of the blobs of a batch, saved."""
    import fastdata

    try:
        return blobs.save_many(batch)
    except fastdata.FastdataError as error:
        raise DataException(f"Could not save artifacts: {error}") from error


def load(blobs, key):
    """The bytes under a key."""
    import fastdata

    try:
        return bytes(blobs.load(key))
    except fastdata.FastdataError as error:
        raise DataException(f"Could not load artifact '{key}': {error}") from error


def is_ours(key):
    """Whether a key is a SHA-1; Metaflow takes any text."""
    return len(key) == 40 and all(digit in "0123456789abcdef" for digit in key)
