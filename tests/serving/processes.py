"""A server in a process of its own, for tests that attack it."""

import contextlib
import re
import subprocess
import sys
from typing import NamedTuple

import memory_use
import psutil


class Process(NamedTuple):
    """url: of REST. grpc_address: HOST:PORT. errors: the file of what it wrote to stderr."""

    url: str
    grpc_address: str
    process: subprocess.Popen
    errors: object

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def megabytes(self):
        """Its resident memory."""
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def most_megabytes(self):
        """The most that it ever had."""
        return memory_use.most_megabytes(self.process.pid)

    def forget_most(self):
        """`most_megabytes` begins again with what it has now."""
        memory_use.forget_most(self.process.pid)


@contextlib.contextmanager
def python_server(model, errors, *flags):
    """A `Process` of tools.python_server with a model named "small"; errors: a path."""
    command = [sys.executable, "-m", "tools.python_server", f"--model=small={model}"]
    with (
        open(errors, "w") as file,
        subprocess.Popen(
            [*command, "--port=0", "--grpc_port=0", "--device=cpu", *flags],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        ) as process,
    ):
        try:
            line = process.stdout.readline()
            found = re.match(r"(http://\S+)/v1/models/small   grpc://(\S+)/small ", line)
            assert found, (line, errors.read_text())
            yield Process(found[1], found[2], process, errors)
        finally:
            process.kill()
