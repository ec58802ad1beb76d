"""An array of a million numbers that each of five steps loads, changes and stores, for Metaflow."""

from metaflow import FlowSpec, step


class BenchArrays(FlowSpec):
    @step
    def start(self):
        import numpy

        self.array = numpy.random.default_rng(7).random(1_000_000)
        self.sum = float(self.array.sum())
        self.next(self.one)

    @step
    def one(self):
        self.array = self.array + 1.0
        self.next(self.two)

    @step
    def two(self):
        self.array = self.array + 1.0
        self.next(self.three)

    @step
    def three(self):
        self.array = self.array + 1.0
        self.next(self.four)

    @step
    def four(self):
        self.array = self.array + 1.0
        self.next(self.end)

    @step
    def end(self):
        self.array = self.array + 1.0
        assert abs(float(self.array.sum()) - self.sum - 5_000_000) < 1e-3


if __name__ == "__main__":
    BenchArrays()
