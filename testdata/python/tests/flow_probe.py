"""Run by an interpreter that has Metaflow: what its client says of a run, without anything of ours.

Arguments: `read Flow[/run]` prints one line of JSON; `save Flow/run artifact file` writes the bytes of an artifact.
"""

import json
import sys

from metaflow import Flow, Run, namespace

namespace(None)


def plain(value):
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        return str(type(value))


def artifacts(task):
    return {artifact.id: plain(artifact.data) for artifact in task if not artifact.id.startswith("_")}


def task_record(task):
    return {
        "path": task.pathspec,
        "step": task.parent.id,
        "successful": task.successful,
        "finished": task.finished,
        "exception": task.exception,
        "index": task.index,
        "attempt": task.current_attempt,
        "parents": [parent.pathspec for parent in task.parent_tasks] if task.parent.id != "start" else [],
        "stdout": task.stdout,
        "stderr": task.stderr,
        "data": artifacts(task),
    }


def main():
    action, path = sys.argv[1], sys.argv[2]
    run = Run(path) if "/" in path else Flow(path).latest_run
    if action == "save":
        with open(sys.argv[4], "wb") as file:
            file.write(getattr(run.data, sys.argv[3]))
        return
    tasks = [task_record(task) for step in run for task in step]
    end = run.end_task
    print(
        json.dumps(
            {
                "path": run.pathspec,
                "latest": Flow(run.parent.id).latest_run.pathspec,
                "successful": run.successful,
                "finished": run.finished,
                "finished_at": str(run.finished_at or ""),
                "user_tags": sorted(run.user_tags),
                "system_tags": sorted(run.system_tags),
                "origin": end.origin_pathspec.split("/")[1] if end and end.origin_pathspec else end and end.metadata_dict.get("origin-run-id"),
                "data": artifacts(end) if end else {},
                "tasks": tasks,
            }
        )
    )


main()
