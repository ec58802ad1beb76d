"""A foreach over many trivial tasks, for Metaflow."""

from metaflow import FlowSpec, Parameter, step


class BenchForeach(FlowSpec):
    width = Parameter("width", default=1000)

    @step
    def start(self):
        self.items = list(range(self.width))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.item = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.sum = sum(input.item for input in inputs)
        assert self.sum == self.width * (self.width - 1) // 2
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BenchForeach()
