"""A few of the tables from a real S3 server, the Versity S3 Gateway."""

import os
import shutil
import socket
import subprocess
import time

import pytest

import command
import test_tables

SERVER = command.ROOT / "target" / "tools" / "bin" / "versitygw"
KEYS = {"AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": "testsecret", "AWS_REGION": "us-east-1"}
TABLES = ["mor_partitioned", "dv_partitioned", "eq_partitioned", "migrated_hive", "partition_evolution", "odd name +%25#é&=?", "partition_odd_values"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory):
    """The server over a folder whose bucket `lake` holds the tables; gives the environment to reach it."""
    if not SERVER.exists():
        pytest.skip("SKIPPED: no target/tools/bin/versitygw: nothing was read from S3")
    root = tmp_path_factory.mktemp("s3")
    (root / "lake").mkdir()
    for table in TABLES:
        shutil.copytree(test_tables.TABLES / table, root / "lake" / "ware house" / "tables" / table)
    port = free_port()
    env = {**os.environ, "ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}
    log = (root / "server.log").open("w")
    server = subprocess.Popen([SERVER, "--port", f"127.0.0.1:{port}", "posix", root], env=env, stdout=log, stderr=log)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, (root / "server.log").read_text()
            time.sleep(0.05)
        yield {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true"}
    finally:
        server.terminate()
        server.wait()


def queries(table):
    import json

    document = json.loads((command.TESTDATA / "expected" / f"{table}.json").read_text())
    return document["queries"]


@pytest.mark.parametrize("table", TABLES)
def test_table(endpoint, table):
    for query in queries(table)[:12]:
        outcome = command.scan(f"s3://lake/ware house/tables/{table}", query.get("columns"), query.get("where"), test_tables.options(query), env=endpoint)
        test_tables.compare(outcome, query)


def test_by_name(endpoint):
    outcome = command.run("scan", "tables.mor_partitioned", "--warehouse", "s3://lake/ware house", "-f", "arrow", env=endpoint)
    test_tables.compare(outcome, test_tables.current_rows("mor_partitioned"))


def test_a_file_and_a_glob(endpoint):
    one = command.run("scan", "s3://lake/ware house/tables/mor_partitioned/data/cat=*/*-0-0000*.parquet", "-f", "count", env=endpoint)
    assert one.exit == 0 and int(one.out) > 0, one.failure()


def test_errors_have_their_code(endpoint):
    assert command.scan("s3://lake/nothing/here", env=endpoint).exit == 4
    assert command.scan("s3://no-such-bucket/nothing", env=endpoint).exit in (4, 5)
    wrong = {**endpoint, "AWS_SECRET_ACCESS_KEY": "wrong"}
    assert command.scan(f"s3://lake/ware house/tables/{TABLES[0]}", env=wrong).exit == 5
