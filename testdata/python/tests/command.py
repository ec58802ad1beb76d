"""Runs the command and turns what comes back into canonical rows."""

import dataclasses
import io
import os
import pathlib
import resource
import signal
import subprocess
import tempfile

import pyarrow as pa

import canonical

ROOT = pathlib.Path(os.environ.get("FASTDATA_ROOT") or pathlib.Path(__file__).resolve().parents[3])
TESTDATA = ROOT / "testdata"
CORPORA = ROOT.parent / "shared" / "corpora"
BINARY = os.environ.get("FASTDATA_BIN", "")
EXIT_NAMES = {0: "ok", 1: "other", 2: "usage", 4: "not found", 5: "denied", 6: "corrupt", 7: "limit", 8: "conflict", 9: "unsupported"}
# A guard against hangs only; work is bounded by RLIMIT_CPU, which other processes do not disturb.
HANG_SECONDS = 120
CPU_SECONDS = 5
MEMORY_BYTES = 1 << 30


@dataclasses.dataclass
class Outcome:
    exit: int
    out: bytes
    err: str
    rss_bytes: int

    def failure(self):
        """One line for a test's message."""
        return f"exit {self.exit} ({EXIT_NAMES.get(self.exit, '?')}): {self.err.strip()[:600]}"


def environment(extra=None):
    """The caller's, without anything that would change what the command reads."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FASTDATA_", "AWS_"))}
    env.update({"XDG_CONFIG_HOME": "/nonexistent", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"})
    env.update(extra or {})
    return env


def run(*args, env=None, cpu_seconds=60):
    """Runs the command with these arguments; a signal or a panic is a failure of the test wherever it happens."""

    def limits():
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            [BINARY, *map(str, args)], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment(env), preexec_fn=limits
        )
        previous = signal.signal(signal.SIGALRM, lambda *_: child.kill())
        signal.alarm(HANG_SECONDS)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        outcome = Outcome(child.returncode, out.read(), err.read().decode(errors="replace"), usage.ru_maxrss * 1024)
    assert outcome.exit >= 0, f"died of signal {-outcome.exit}: {outcome.err[:600]} {args}"
    assert "panicked" not in outcome.err and "internal error" not in outcome.err, f"panic: {outcome.err[:800]} {args}"
    return outcome


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def scan(source, columns=None, where=None, options=(), **kwargs):
    args = ["scan", str(source), "-f", "arrow", "--no-progress"]
    if columns is not None:
        args += ["-c", ",".join(map(quoted, columns))]
    if where is not None:
        args += ["-w", where]
    return run(*args, *options, **kwargs)


def table_of(outcome):
    """The Arrow table on stdout of a scan that must have succeeded."""
    assert outcome.exit == 0, outcome.failure()
    table = pa.ipc.open_stream(io.BytesIO(outcome.out)).read_all()
    table.validate(full=True)
    return table


def storage(kind):
    """The Arrow type below an extension type."""
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def type_text(kind):
    """An Arrow type in Iceberg's words."""
    if isinstance(kind, pa.BaseExtensionType) and "uuid" in kind.extension_name:
        return "uuid"
    kind = storage(kind)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return type_text(kind.value_type)
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_int64(kind):
        return "long"
    if pa.types.is_int32(kind):
        return "int"
    if pa.types.is_float32(kind):
        return "float"
    if pa.types.is_float64(kind):
        return "double"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if is_text(kind):
        return "string"
    if is_bytes(kind):
        return "binary"
    if pa.types.is_fixed_size_binary(kind):
        return f"fixed[{kind.byte_width}]"
    if pa.types.is_date32(kind):
        return "date"
    if pa.types.is_time64(kind) and kind.unit == "us":
        return "time"
    if pa.types.is_timestamp(kind) and kind.unit in ("us", "ns"):
        assert kind.tz in (None, "UTC", "+00:00"), kind
        return ("timestamptz" if kind.tz else "timestamp") + ("_ns" if kind.unit == "ns" else "")
    if is_list(kind):
        return f"list<{type_text(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{type_text(kind.key_type)},{type_text(kind.item_type)}>"
    if pa.types.is_struct(kind):
        return "struct<" + ",".join(f"{f.name}:{type_text(f.type)}" for f in kind) + ">"
    if pa.types.is_null(kind):
        return "unknown"
    return str(kind)


def is_text(kind):
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_bytes(kind):
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)


def is_list(kind):
    return (
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def loosened(text):
    """Spark has neither uuid nor fixed: it writes them as string and binary."""
    out, rest = "", text.replace("uuid", "string")
    while "fixed[" in rest:
        before, _, after = rest.partition("fixed[")
        out += before + "binary"
        rest = after.partition("]")[2]
    return out + rest


NANOS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


def values(array, unit="text"):
    """An Arrow array as canonical values. `unit="nanos"` gives times as integers of nanoseconds, whatever their unit."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in values(chunk, unit)]
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        uuid_like = "uuid" in kind.extension_name
        array = array.storage
        kind = array.type
        if uuid_like and unit == "text":
            return [None if v is None else uuid_text(v) for v in array.to_pylist()]
    if pa.types.is_dictionary(kind):
        return values(array.dictionary_decode(), unit)
    if pa.types.is_floating(kind):
        return [None if v is None else canonical.float_text(v) for v in array.to_pylist()]
    if pa.types.is_decimal(kind):
        return [None if v is None else canonical.decimal_text(v, kind.scale) for v in array.to_pylist()]
    if is_bytes(kind) or pa.types.is_fixed_size_binary(kind):
        return [None if v is None else v.hex() for v in array.to_pylist()]
    if pa.types.is_date32(kind):
        return optional(lambda v: v if unit == "nanos" else canonical.date_text(v), array.cast(pa.int32()))
    if pa.types.is_timestamp(kind):
        return optional(lambda v: moment(v, kind, unit), array.cast(pa.int64()))
    if pa.types.is_time(kind):
        width = pa.int32() if pa.types.is_time32(kind) else pa.int64()
        scale = NANOS[kind.unit]
        return optional(lambda v: v * scale if unit == "nanos" else canonical.time_text(v * scale // 1000), array.cast(width))
    if pa.types.is_map(kind):
        return [None if not s.is_valid else canonical.sort_pairs(pairs(s.values, unit)) for s in array]
    if is_list(kind):
        return [None if not s.is_valid else values(s.values, unit) for s in array]
    if pa.types.is_struct(kind):
        children = [values(child, unit) for child in array.flatten()]
        names = [field.name for field in kind]
        return [
            {name: child[i] for name, child in zip(names, children)} if valid else None
            for i, valid in enumerate(array.is_valid().to_pylist())
        ]
    return array.to_pylist()


def pairs(entries, unit):
    keys, items = entries.flatten()
    return [list(pair) for pair in zip(values(keys, unit), values(items, unit))]


def optional(convert, array):
    return [None if v is None else convert(v) for v in array.to_pylist()]


def moment(value, kind, unit):
    nanos = value * NANOS[kind.unit]
    if unit == "nanos":
        return nanos
    text = canonical.timestamp_ns_text(nanos, False)
    if kind.unit != "ns":
        text = text[:-3]
    return text + ("Z" if kind.tz is not None else "")


def uuid_text(raw):
    digits = raw.hex() if isinstance(raw, bytes) else raw.bytes.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def rows_of(table, unit="text"):
    """Canonical rows, in an order that does not depend on how they came."""
    columns = [values(column, unit) for column in table.columns]
    return sorted(([*row] for row in zip(*columns)), key=canonical.sort_key) if columns else [[]] * table.num_rows


def difference(got, wanted):
    """What to print when rows differ: those of one side only, a few of each."""
    keys_got, keys_wanted = [canonical.sort_key(r) for r in got], [canonical.sort_key(r) for r in wanted]
    extra, missing = list(keys_got), []
    for key in keys_wanted:
        if key in extra:
            extra.remove(key)
        else:
            missing.append(key)
    return f"{len(got)} rows for {len(wanted)}; not expected: {extra[:5]}; missing: {missing[:5]}"
