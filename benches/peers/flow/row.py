"""Ten steps that do nothing, for Metaflow."""

from metaflow import FlowSpec, step


class BenchRow(FlowSpec):
    @step
    def start(self):
        self.next(self.step_1)

    @step
    def step_1(self):
        self.next(self.step_2)

    @step
    def step_2(self):
        self.next(self.step_3)

    @step
    def step_3(self):
        self.next(self.step_4)

    @step
    def step_4(self):
        self.next(self.step_5)

    @step
    def step_5(self):
        self.next(self.step_6)

    @step
    def step_6(self):
        self.next(self.step_7)

    @step
    def step_7(self):
        self.next(self.step_8)

    @step
    def step_8(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BenchRow()
