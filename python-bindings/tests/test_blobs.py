"""`fd.Blobs`: buffers in, buffers out."""

import array
import hashlib
import threading

import fastdata as fd
import numpy as np
import pytest

TEXT = b"a line of a log, once more\n" * 40_000
FORMS = ["fast", "compact", "vanilla", "raw", "lz4", "metaflow-fast", "metaflow-compact"]


@pytest.mark.parametrize("write_as", FORMS)
@pytest.mark.parametrize("durability", ["none", "batch", "full"])
def test_in_and_out(tmp_path, write_as, durability):
    blobs = fd.Blobs(tmp_path, write_as=write_as, durability=durability)
    contents = [b"", b"x", TEXT, np.random.default_rng(1).bytes(700_000)]
    keys = blobs.save_many(contents)
    assert [blobs.save(content) for content in contents] == keys
    assert [bytes(loaded) for loaded in blobs.load_many(keys)] == contents
    assert bytes(blobs.load(keys[2])) == TEXT
    assert bytes(blobs.open_range(keys[2], 1000, 2000)) == TEXT[1000:2000]
    assert sorted(blobs.keys()) == sorted(keys)
    assert all(map(blobs.exists, keys))
    if write_as in ("fast", "compact"):
        assert all(key.startswith("b3_") and len(key) == 67 for key in keys)
    else:
        assert keys == [hashlib.sha1(content).hexdigest() for content in contents]


def test_any_buffer(tmp_path):
    blobs = fd.Blobs(str(tmp_path))
    numbers = np.arange(100_000, dtype=np.float64).reshape(1000, 100)
    key = blobs.save(numbers)
    for same in (numbers.tobytes(), bytearray(numbers.tobytes()), memoryview(numbers), array.array("d", numbers.ravel())):
        assert blobs.save(same) == key
    loaded = blobs.load(key)
    assert np.array_equal(np.frombuffer(loaded).reshape(1000, 100), numbers)
    assert memoryview(loaded).readonly
    # What was loaded lives as long as somebody looks at it.
    view = memoryview(blobs.load(key))[8:16]
    assert bytes(view) == numbers.tobytes()[8:16]
    with pytest.raises(fd.InvalidArgumentError, match="contiguous"):
        blobs.save(numbers[:, ::2])
    with pytest.raises(TypeError):
        blobs.save("text")


def test_errors(tmp_path):
    blobs = fd.Blobs(tmp_path)
    key = blobs.save(TEXT)
    with pytest.raises(fd.NotFoundError):
        blobs.load("0" * 40)
    for wrong in ("", "../../etc/passwd", key.upper()):
        with pytest.raises(fd.InvalidArgumentError):
            blobs.load(wrong)
    with pytest.raises(fd.InvalidArgumentError):
        blobs.open_range(key, 0, len(TEXT) + 1)
    with pytest.raises(fd.InvalidArgumentError, match="write_as"):
        fd.Blobs(tmp_path, write_as="zip")
    with pytest.raises(fd.InvalidArgumentError, match="durability"):
        fd.Blobs(tmp_path, durability="some")
    [path] = [path for path in tmp_path.rglob("b3_*") if path.is_file()]
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    with pytest.raises(fd.CorruptDataError):
        blobs.load(key)


def test_the_interpreter_goes_on(tmp_path):
    """Several threads save and load at once, and count meanwhile."""
    blobs = fd.Blobs(tmp_path)
    contents = [np.random.default_rng(seed).bytes(2_000_000) for seed in range(8)]
    done = []

    def work(content):
        done.append(bytes(blobs.load(blobs.save(content))) == content)

    threads = [threading.Thread(target=work, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 8
