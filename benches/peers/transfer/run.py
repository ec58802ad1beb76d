"""Downloads: objects of an S3 server into memory or into files, by other clients with their best documented settings.

One job in, one line of JSON out, one process for each:

    {"engine": "obstore" | "boto3" | "awscrt" | "s5cmd" | "metaflow", "target": "memory" | "file", "bucket": ...,
     "prefix": "some/", "objects": [{"key": ..., "bytes": N}], "folder": "an empty one", "gbit": cap or null}

All is brought once before it counts, so that nobody pays for memory that the machine has to find first; then the line "warm" goes
out, and a line that comes in says go. What is timed begins with a client that has no connection yet and ends with all bytes in their
place; importing does not count, but starting a program does where the client is a program. Processor time is that of this process and of its children. Objects are
summed up afterwards (CRC-32), from where they lie.
"""

import concurrent.futures
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
import zlib

PART_BYTES = 8 << 20
REQUESTS = 32


def parts_of(job):
    for idx, entry in enumerate(job["objects"]):
        for start in range(0, entry["bytes"], PART_BYTES):
            yield idx, start, min(entry["bytes"], start + PART_BYTES)


def obstore_memory(job):
    import asyncio

    import obstore
    from obstore.store import S3Store

    async def all_parts():
        store = S3Store(job["bucket"], client_options={"allow_http": True})
        limit = asyncio.Semaphore(REQUESTS)

        async def one(idx, start, end):
            async with limit:
                path = job["prefix"] + job["objects"][idx]["key"]
                return idx, await obstore.get_range_async(store, path, start=start, end=end)

        return await asyncio.gather(*(one(*part) for part in parts_of(job)))

    def run():
        brought = [[] for _ in job["objects"]]
        for idx, part in asyncio.run(all_parts()):
            brought[idx].append(part)
        return brought

    return obstore.__version__, run


def boto_client():
    import boto3
    import botocore.config

    config = botocore.config.Config(max_pool_connections=REQUESTS, s3={"addressing_style": "path"})
    return boto3.client("s3", config=config)


def boto3_memory(job):
    import io

    import boto3
    from boto3.s3.transfer import TransferConfig

    config = TransferConfig(max_concurrency=REQUESTS, multipart_chunksize=PART_BYTES)

    def run():
        client = boto_client()

        def one(entry):
            buffer = io.BytesIO()
            client.download_fileobj(job["bucket"], job["prefix"] + entry["key"], buffer, Config=config)
            return [buffer.getbuffer()]

        with concurrent.futures.ThreadPoolExecutor(min(8, len(job["objects"]))) as pool:
            return list(pool.map(one, job["objects"]))

    return boto3.__version__, run


def boto3_file(job):
    import boto3
    from boto3.s3.transfer import TransferConfig

    config = TransferConfig(max_concurrency=REQUESTS, multipart_chunksize=PART_BYTES)

    def run():
        client = boto_client()

        def one(entry):
            path = os.path.join(job["folder"], entry["key"])
            client.download_file(job["bucket"], job["prefix"] + entry["key"], path, Config=config)

        with concurrent.futures.ThreadPoolExecutor(min(8, len(job["objects"]))) as pool:
            list(pool.map(one, job["objects"]))

    return boto3.__version__, run


def awscrt_client(job):
    from awscrt.auth import AwsCredentialsProvider
    from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup
    from awscrt.s3 import S3Client, create_default_s3_signing_config

    group = EventLoopGroup()
    bootstrap = ClientBootstrap(group, DefaultHostResolver(group))
    credentials = AwsCredentialsProvider.new_static(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    region = os.environ["AWS_REGION"]
    return S3Client(
        bootstrap=bootstrap,
        region=region,
        signing_config=create_default_s3_signing_config(region=region, credential_provider=credentials),
        part_size=PART_BYTES,
        tls_mode=awscrt_plain(),
        # Without it the client takes the line for one of 10 Gbit/s.
        throughput_target_gbps=job["gbit"] or 25,
    )


def awscrt_plain():
    from awscrt.s3 import S3RequestTlsMode

    return S3RequestTlsMode.DISABLED


def awscrt_request(job, entry):
    from awscrt.http import HttpHeaders, HttpRequest

    host = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
    headers = HttpHeaders([("host", host), ("content-length", "0")])
    return HttpRequest("GET", f"/{job['bucket']}/{job['prefix']}{entry['key']}", headers)


def awscrt_run(job, to_file):
    import awscrt
    from awscrt.s3 import S3RequestType

    def run():
        client = awscrt_client(job)
        brought, pending = [], []
        for entry in job["objects"]:
            arguments = {"type": S3RequestType.GET_OBJECT, "request": awscrt_request(job, entry)}
            if to_file:
                arguments["recv_filepath"] = os.path.join(job["folder"], entry["key"])
            else:
                buffer = bytearray(entry["bytes"])
                brought.append([buffer])

                def on_body(chunk, offset, buffer=buffer, **_):
                    buffer[offset : offset + len(chunk)] = chunk

                arguments["on_body"] = on_body
            pending.append(client.make_request(**arguments))
        for request in pending:
            request.finished_future.result()
        return brought

    return awscrt.__version__, run


def awscrt_memory(job):
    return awscrt_run(job, False)


def awscrt_file(job):
    return awscrt_run(job, True)


def s5cmd_file(job):
    program = pathlib.Path(sys.executable).with_name("s5cmd")
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout.split("-")[0].strip()

    def run():
        command = [program, "--endpoint-url", os.environ["AWS_ENDPOINT_URL"], "cp", "--concurrency", str(REQUESTS), "--part-size", "8"]
        command += [f"s3://{job['bucket']}/{job['prefix']}*", job["folder"] + "/"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return version, run


def metaflow_file(job):
    import metaflow

    def run():
        with metaflow.S3(s3root=f"s3://{job['bucket']}/{job['prefix'].rstrip('/')}", tmproot=job["folder"]) as s3:
            brought = s3.get_many([entry["key"] for entry in job["objects"]])
            # The files go when the client ends.
            for found in brought:
                os.rename(found.path, os.path.join(job["folder"], found.key))

    return metaflow.__version__, run


def measure(job):
    version, run = globals()[f"{job['engine']}_{job['target']}"](job)
    run()
    for brought in os.listdir(job["folder"]) if job["target"] == "file" else []:
        path = pathlib.Path(job["folder"], brought)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    print("warm", flush=True)
    sys.stdin.readline()
    used = processor_ns()
    begin = time.perf_counter_ns()
    brought = run()
    wall_ns = time.perf_counter_ns() - begin
    cpu_ns = processor_ns() - used
    peak_kib = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "version": version,
        "wall_ns": wall_ns,
        "cpu_ns": cpu_ns,
        "peak_rss_bytes": peak_kib * 1024,
        "crc32": checksums(job, brought),
    }


def processor_ns():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return int(sum(one.ru_utime + one.ru_stime for one in used) * 1e9)


def checksums(job, brought):
    if job["target"] == "file":
        brought = [[pathlib.Path(job["folder"], entry["key"]).read_bytes()] for entry in job["objects"]]
    sums = []
    for pieces in brought:
        crc = 0
        for piece in pieces:
            crc = zlib.crc32(memoryview(piece), crc)
        sums.append(crc)
    return sums


# A client that retries for ever is ended by a signal and counts as failed.
LIMIT_S = 240

if __name__ == "__main__":
    signal.alarm(LIMIT_S)
    try:
        report = measure(json.loads(sys.stdin.readline()))
    except Exception as failure:
        traceback.print_exc(file=sys.stderr)
        report = {"failed": f"{type(failure).__name__}: {failure}"[:300]}
    print(json.dumps(report))
