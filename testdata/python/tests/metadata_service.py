"""Metaflow's metadata service as far as its clients need it, in memory: objects by path, counted by the service itself."""

import contextlib
import http.server
import json
import re
import threading


class Service(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects, self.lists, self.next_id, self.lock = {}, {}, 0, threading.Lock()
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, method, path, body):
        self.asked.append((method, path))
        folder, _, last = path.rpartition("/")
        if path == "/ping":
            return 200, "pong"
        if method == "POST" and last in ("artifact", "metadata"):
            self.lists.setdefault((folder, last), []).extend(body)
            return 200, {}
        if method == "POST" and last == "heartbeat":
            return 200, {"wait_time_in_seconds": 10}
        if method == "POST" and last in ("run", "task"):
            self.next_id += 1
            body |= {{"run": "run_number", "task": "task_id"}[last]: self.next_id}
            self.objects[f"{folder}/{last}s/{self.next_id}"] = body
            return 200, body
        if method == "POST":
            self.objects[folder if last == "step" else path] = body
            return 200, body
        if method == "PATCH":
            run = self.objects[path.removesuffix("/tag/mutate")]
            run["tags"] = sorted(set(run["tags"]) - set(body["tags_to_remove"]) | set(body["tags_to_add"]))
            return 200, {"tags": run["tags"]}
        if last == "metadata":
            return 200, self.lists.get((folder, "metadata"), [])
        if last == "artifacts" or "/artifacts/" in path:
            task, attempt, name = re.fullmatch(r"(.*?/tasks/\d+)(?:/attempt/(\d+))?/artifacts(?:/([^/]+))?(?:/attempt/\d+)?", path).groups()
            found = self.lists.get((task, "artifact"), [])
            newest = max((one["attempt_id"] for one in found), default=0) if attempt is None else int(attempt)
            found = [one for one in found if one["attempt_id"] == newest and name in (None, one["name"])]
            return (200, found) if name is None else (200, found[0]) if found else (404, {})
        if last in ("flows", "runs", "steps", "tasks"):
            return 200, [one for known, one in self.objects.items() if known.startswith(path + "/") and "/" not in known[len(path) + 1 :]]
        return (200, self.objects[path]) if path in self.objects else (404, {"message": "not found"})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_any(self):
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.server.lock:
            status, answer = self.server.answer(self.command, self.path, json.loads(content) if content else {})
        answer = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("METADATA_SERVICE_VERSION", "2.4.3")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PATCH = do_any


@contextlib.contextmanager
def serving():
    service = Service()
    thread = threading.Thread(target=service.serve_forever)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        thread.join()
        service.server_close()
