"""Run by an interpreter that has Metaflow: saves and loads through its own content-addressed store, without anything of ours.

Arguments: `save` or `load`, the root of the store (`<datastore>/<Flow>/data`). `save` stores the files named on stdin and prints
their keys; `load` prints for each key on stdin the SHA-1 of what comes out, or `error: …`.
"""

import hashlib
import pathlib
import sys

from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.plugins.datastores.local_storage import LocalStorage


def main():
    action, root = sys.argv[1], pathlib.Path(sys.argv[2])
    datastore = root.parent.parent
    store = ContentAddressedStore(f"{root.parent.name}/data", LocalStorage(str(datastore)))
    for line in sys.stdin.read().split():
        if action in ("save", "save-raw"):
            content = pathlib.Path(line).read_bytes()
            print(store.save_blobs([content], raw=action == "save-raw")[0].key)
            continue
        try:
            [(_, content)] = store.load_blobs([line])
            print(hashlib.sha1(content).hexdigest())
        except Exception as error:
            print("error:", type(error).__name__, str(error).replace("\n", " "))


main()
