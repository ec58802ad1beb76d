"""The one text form of a value, shared by the programs that write expected rows and the tests that compare them.

`testdata/README.md` describes it. Only the standard library: this module also runs where Spark is absent.
"""

import datetime
import decimal
import json
import math
import uuid


def float_text(value):
    """The shortest text that gives the same double; a 4-byte float is widened first."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def decimal_text(value, scale):
    """A decimal with exactly `scale` digits after the point."""
    return format(decimal.Decimal(value).quantize(decimal.Decimal(1).scaleb(-scale), context=WIDE), "f")


WIDE = decimal.Context(prec=60)


def timestamp_text(value, zoned):
    """A naive datetime (in UTC when `zoned`) with six digits of the second."""
    return value.isoformat(timespec="microseconds") + ("Z" if zoned else "")


def timestamp_ns_text(nanos, zoned):
    """Nanoseconds since the epoch, with nine digits of the second."""
    seconds, rest = divmod(nanos, 1_000_000_000)
    base = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return f"{base.isoformat(timespec='seconds')}.{rest:09d}" + ("Z" if zoned else "")


def date_text(days):
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()


def time_text(micros):
    midnight = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
    return midnight.time().isoformat(timespec="microseconds")


def sort_key(row):
    return json.dumps(row, sort_keys=True, ensure_ascii=True)


def sort_pairs(pairs):
    """A map is a list of [key, value], ordered by the text of the key."""
    return sorted(pairs, key=lambda pair: sort_key(pair[0]))


def from_single_value(iceberg_type, value):
    """Iceberg's single-value JSON (appendix D of its spec) to the canonical form.

    `iceberg_type` is the JSON of a type: a string, or an object for struct, list and map.
    """
    if value is None:
        return None
    if isinstance(iceberg_type, dict):
        kind = iceberg_type["type"]
        if kind == "struct":
            return {
                field["name"]: from_single_value(field["type"], value.get(str(field["id"])))
                for field in iceberg_type["fields"]
            }
        if kind == "list":
            return [from_single_value(iceberg_type["element"], item) for item in value]
        pairs = zip(value["keys"], value["values"])
        return sort_pairs(
            [from_single_value(iceberg_type["key"], k), from_single_value(iceberg_type["value"], v)] for k, v in pairs
        )
    if iceberg_type in ("float", "double"):
        return float_text(value)
    if iceberg_type.startswith("decimal"):
        return value
    if iceberg_type == "binary" or iceberg_type.startswith("fixed"):
        return value.lower()
    if iceberg_type == "uuid":
        return str(uuid.UUID(value))
    if iceberg_type == "time":
        return datetime.time.fromisoformat(value).isoformat(timespec="microseconds")
    if iceberg_type in ("timestamp", "timestamptz"):
        moment = datetime.datetime.fromisoformat(value).replace(tzinfo=None)
        return timestamp_text(moment, iceberg_type == "timestamptz")
    if iceberg_type in ("timestamp_ns", "timestamptz_ns"):
        zoned = iceberg_type.startswith("timestamptz")
        text, _, fraction = value.removesuffix("+00:00").removesuffix("Z").partition(".")
        base = datetime.datetime.fromisoformat(text)
        return f"{base.isoformat(timespec='seconds')}.{fraction.ljust(9, '0')}" + ("Z" if zoned else "")
    return value


def type_text(iceberg_type):
    """A type as one string: `list<int>`, `map<string,long>`, `struct<a:int,b:string>`."""
    if not isinstance(iceberg_type, dict):
        return iceberg_type.replace(" ", "")
    kind = iceberg_type["type"]
    if kind == "struct":
        return "struct<" + ",".join(f"{f['name']}:{type_text(f['type'])}" for f in iceberg_type["fields"]) + ">"
    if kind == "list":
        return f"list<{type_text(iceberg_type['element'])}>"
    return f"map<{type_text(iceberg_type['key'])},{type_text(iceberg_type['value'])}>"
