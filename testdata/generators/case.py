"""A table to write: its name, the Spark that writes it, what it is there to show."""

import dataclasses
import typing


@dataclasses.dataclass
class Case:
    table: str
    spark: str
    note: str
    write: typing.Callable


class Cases(list):
    """The cases of a module; used as a decorator so that a case stands beside its name."""

    def __call__(self, table, note, spark="3.5"):
        def keep(write):
            self.append(Case(table, spark, note, write))
            return write

        return keep
