"""Tests a server under load: many clients send the same photograph, and every fill is checked.

    python -m tools.load_test --server=http://localhost:8501/v1/models/paris \\
        --image=photo.jpg --mask=mask.png

It sends 200 requests (--requests) from 8 clients at the same time (--clients), and compares each
fill with one that was requested alone. It prints the number of errors and of wrong pictures, the
photographs per second, and the median and 99th percentile of the time to an answer. Failed requests
do not count in the rate and the times. The exit status is 1 if a request failed or a picture
differed.
"""

import concurrent.futures
import time

import numpy as np
from absl import flags

from tfinpaint import command, settings
from tfinpaint.settings import SettingsError
from tfinpaint.wording import counted

settings.define_flags(
    "timeout",
    "requests",
    "clients",
    server="The server: http://HOST:PORT/v1/models/NAME or grpc://HOST:PORT/NAME.",
    image="Photograph to fill, a file.",
    mask="Mask of the photograph, a file; white is hole.",
)


def main():
    values = flags.FLAGS
    for name in ("server", "image", "mask"):
        if not values[name].value:
            raise SettingsError(f"--{name} is missing: {values[name].help}")
    from tfinpaint.photo import read_hole, read_photo

    photo, mask = read_photo(values.image).pixels, read_hole(values.mask)[0]
    command.say(
        f"{counted(values.requests, 'request')} by {counted(values.clients, 'client')} to "
        f"{values.server}, each answer compared with a single fill"
    )
    result = load(values.server, photo, mask, values.requests, values.clients, values.timeout)
    print(
        f"{counted(len(result['errors']), 'error')}, "
        f"{counted(result['different'], 'wrong picture')}; {result['rate']:.2f} photographs/s, "
        f"median {result['p50']:.3f} s, 99th percentile {result['p99']:.3f} s"
    )
    if result["errors"] or result["different"]:
        command.fail(
            "; ".join(sorted(set(result["errors"]))[:3])
            or "pictures differ from the one that was filled alone"
        )


def load(
    url: str,
    photo: np.ndarray,
    mask: np.ndarray,
    requests: int = 200,
    clients: int = 8,
    timeout: float = 60.0,
) -> dict:
    """Sends the same photograph `requests` times, from `clients` clients at the same time.

    url, timeout: see `tfinpaint.serving.client.connect`.
    photo: uint8 [H, W, 3]. mask: uint8 [H, W].

    Returns: {"errors": messages, "different": number of fills unlike the one requested alone,
        "rate": filled photographs per second, "p50" and "p99": seconds to an answer, NaN if there
        is none}.

    Raises: SettingsError if the single fill fails.
    """
    from tfinpaint.serving.client import connect

    alone = connect(url, timeout).fill(photo, mask)
    connections = [connect(url, timeout) for _ in range(clients)]

    def ask(number):
        start = time.perf_counter()
        try:
            same = np.array_equal(connections[number % clients].fill(photo, mask), alone)
            return time.perf_counter() - start, None, same
        except SettingsError as error:
            return time.perf_counter() - start, str(error), True

    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(ask, range(requests)))
    whole = time.perf_counter() - start
    errors = [error for _, error, _ in answers if error]
    took = [seconds for seconds, error, _ in answers if not error]
    p50, p99 = np.percentile(took or [np.nan], [50, 99]).tolist()
    return {
        "errors": errors,
        "different": sum(not same for _, _, same in answers),
        "rate": len(took) / whole,
        "p50": p50,
        "p99": p99,
    }


if __name__ == "__main__":
    command.run(main)
