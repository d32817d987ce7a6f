"""A run on many machines as tests see it: real scheduler, workers and client as processes, and AWS by a stand-in."""

import sys

# In the place of `puntual COMMAND --cluster ADDRESS --scratch URL`: works with Dask for a while, and prints its result.
CLIENT = """
import json, os, sys, time
from distributed import Client, as_completed

def square(number):
    time.sleep(0.1)
    return number, number * number, os.getpid()

numbers, (cluster, address, scratch, url) = range(int(sys.argv[1])), sys.argv[2:]
assert (cluster, scratch) == ("--cluster", "--scratch") and url.startswith("s3://")
with Client(address) as client:
    done = []
    for future in as_completed(client.map(square, numbers)):
        done.append(future.result())
        print("done", len(done), flush=True)
    print(json.dumps({"version": str(sum(square for _, square, _ in done)), "tls": client.scheduler.address[:3]}))
"""


def program(code: str) -> list[str]:
    return [sys.executable, "-c", code]
