"""What a file is that is no photograph: the message names it."""

import pytest

from tfinpaint.photo import read_photo
from tfinpaint.settings import SettingsError


def read(tmp_path, content):
    path = tmp_path / "photo"
    path.write_bytes(content)
    return read_photo(str(path))


def test_a_file_without_content_is_called_empty(tmp_path):
    with pytest.raises(SettingsError, match="TIFF or other supported photograph, it is empty"):
        read(tmp_path, b"")


@pytest.mark.parametrize(
    "content, what",
    [
        (b"P6\n2 2\n255\n" + bytes(12), "a Netpbm picture"),
        (b"P1 2 2 0 1 1 0", "a Netpbm picture"),
        (b"qoif" + bytes(30), "QOI"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video"),
        (b"RIFF\x10\0\0\0AVI LIST", "a video or a sound"),
        (b"\x1f\x8b\x08" + bytes(30), "gzip"),
        (b"P1neapple", "or it is damaged"),
    ],
)
def test_what_a_file_is_instead(tmp_path, content, what):
    with pytest.raises(SettingsError, match=f"is not a JPEG.*{what}"):
        read(tmp_path, content)
