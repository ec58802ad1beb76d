"""Flows that a released Metaflow runs, for `fastdata flow` to read. The variable FLOW says which one; the arguments are Metaflow's own."""

import collections
import datetime
import decimal
import os
import pathlib
import sys

from metaflow import FlowSpec, IncludeFile, Parameter, catch, current, retry, step


class Linear(FlowSpec):
    """Values of every plain type, a parameter, an included file."""

    alpha = Parameter("alpha", default=0.5, type=float, help="a number")
    words = IncludeFile("words", default=str(pathlib.Path(__file__).with_name("metaflow_probe.py")), help="a text")

    @step
    def start(self):
        print("to stdout: grün")
        print("to stderr", file=sys.stderr)
        self.nothing, self.yes, self.number, self.negative, self.big = None, True, 7, -5, 1 << 100
        self.real, self.text, self.raw = 0.25, "grün\n", b"\x00\xff"
        self.items, self.pair, self.table = [1, [2]], (1, "a"), {"a": 1, "b": [None]}
        self.members, self.frozen = {3}, frozenset(["x"])
        self.when = datetime.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
        self.price, self.path = decimal.Decimal("1.50"), pathlib.PurePosixPath("/a/b")
        self.ordered = collections.OrderedDict(x=1)
        self.loop = []
        self.loop.append(self.loop)
        self.own = Own(3)
        self.next(self.end)

    @step
    def end(self):
        self.total = self.number * 2


class Own:
    """A class that only this file knows."""

    def __init__(self, value):
        self.value = value


class Foreach(FlowSpec):
    """Two foreachs, one in the other, and a task that fails once."""

    @step
    def start(self):
        self.outer = ["a", "b"]
        self.next(self.middle, foreach="outer")

    @step
    def middle(self):
        self.letter = self.input
        self.inner = [1, 2, 3]
        self.next(self.work, foreach="inner")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self):
        if self.letter == "b" and self.input == 2 and current.retry_count == 0:
            print("about to fail")
            raise ValueError("once")
        self.made = f"{self.letter}{self.input}"
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.made = [one.made for one in inputs]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [one.made for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


class Branch(FlowSpec):
    """A static branch, a switch that goes round, and an exception that is caught."""

    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.side = "left"
        self.next(self.join)

    @step
    def right(self):
        self.side = "right"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.sides = sorted(one.side for one in inputs)
        self.count = 0
        self.next(self.turn)

    @step
    def turn(self):
        self.count += 1
        self.where = "again" if self.count < 3 else "on"
        self.next({"again": self.turn, "on": self.risky}, condition="where")

    @catch(var="trouble")
    @step
    def risky(self):
        raise RuntimeError("caught")
        self.next(self.end)

    @step
    def end(self):
        pass


class Failing(FlowSpec):
    """Does not come to its end."""

    @step
    def start(self):
        raise RuntimeError("as planned")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    flow = {flow.__name__: flow for flow in (Linear, Foreach, Branch, Failing)}[os.environ["FLOW"]]
    flow()
