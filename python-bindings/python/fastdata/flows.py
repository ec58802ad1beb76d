"""Runs of flows, whoever wrote them: a Metaflow in Python or a flow in Rust.

>>> import tempfile
>>> from fastdata.flows import Flows
>>> Flows(tempfile.mkdtemp()).names()
[]
"""

from fastdata._fastdata import Artifact, Flows, Opaque, Run, Task

__all__ = ["Artifact", "Flows", "Opaque", "Run", "Task"]
