"""The benchmark's rows about commands: the files are what the rows say.

Processes are timed as they are, and a failure gives no time.
"""

import subprocess
import time

import numpy as np
import pytest

from tfinpaint.photo import list_photos, read_hole, read_photo
from tools.benchmarks import command_rows


def test_files_without_a_default(empty_box, tmp_path):
    files = command_rows.write(str(tmp_path), count=3)
    photos = [read_photo(path).pixels for path in list_photos(files.folder)]
    assert len(photos) == 3 and all(photo.shape == (400, 600, 3) for photo in photos)
    # Not equal: JPEG blocks lie at other pixels of the shifted photograph.
    assert np.abs(photos[2][:, 12:].astype(int) - photos[0][:, :-12]).mean() < 3
    mask, _ = read_hole(files.mask)
    rows, columns = np.nonzero(mask)
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (119, 99)
    assert command_rows.about(files) == "multistage width=24 depth=5"


@pytest.mark.slow
def test_files_with_the_default(in_the_box, packed, tmp_path):
    files = command_rows.write(str(tmp_path), count=2)
    assert files.model == packed and command_rows.about(files) == "multistage width=4 depth=4"
    start = time.perf_counter()
    seconds = command_rows.network(files)
    assert 0 < seconds < time.perf_counter() - start


def test_processes_are_timed(tmp_path):
    busy = command_rows.run("-c", "import time\nwhile time.process_time() < 0.5: pass")
    idle = command_rows.run("-c", "import time; time.sleep(0.5)")
    assert 0.5 <= busy.processor <= busy.wall + 0.1 and idle.wall >= 0.5 and idle.processor < 0.4
    with pytest.raises(subprocess.CalledProcessError):
        command_rows.run("-c", "raise SystemExit(3)")
