"""A Metaflow flow whose input is a run of another flow."""

from metaflow import FlowSpec, Parameter, Run, namespace, step


class Reader(FlowSpec):
    source = Parameter("source")

    @step
    def start(self):
        namespace(None)
        self.total = sum(Run(self.source).data.lengths)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Reader()
