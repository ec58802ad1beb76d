"""A Metaflow flow whose run another flow takes its input from."""

from metaflow import FlowSpec, step


class Writer(FlowSpec):
    @step
    def start(self):
        self.numbers = [1, 2, 39]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Writer()
