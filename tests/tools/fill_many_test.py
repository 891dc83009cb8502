"""tools.fill_many: a pipeline that fills as inpaint does, and goes on where it was stopped.

The quick tests run Beam's local runner in this process, with a painter that paints red. The slow
ones start the command, kill it, and let Beam start two processes.
"""

import csv
import errno
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from tfinpaint import fill_file, inpaint, loading
from tfinpaint.painting.base_painter import BasePainter
from tfinpaint.photo import read_photo
from tools import fill_many

pytest.importorskip("apache_beam", reason="Apache Beam (the extra `beam`) is not installed")
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Red(BasePainter):
    """Paints the hole red, and counts."""

    loaded, filled = 0, 0

    def fill(self, photo, mask, grow=0, feather=0, detail="auto", seed=0, blend="none"):
        Red.filled += 1
        return np.where(mask[..., np.newaxis] > 0, np.uint8([255, 0, 0]), photo)


@pytest.fixture(autouse=True)
def red(monkeypatch):
    def load(model):
        Red.loaded += 1
        return Red()

    Red.loaded = Red.filled = 0
    monkeypatch.setattr(loading, "load", load)
    monkeypatch.setattr(fill_many, "_BEAM", [])


@pytest.fixture
def run(command_line, tmp_path):
    """run("--flag=value", ...) -> exit status, stdout, stderr; photographs, masks and output are
    those of the test unless it names others."""
    usual = [f"--{name}={tmp_path}/{name}s" for name in ("image", "mask", "output")]

    def call(*arguments):
        given = {argument.split("=")[0] for argument in arguments}
        left_out = {"--image", "--mask"} if "--list" in given else set()
        mine = [a for a in usual if a.split("=")[0] not in given | left_out]
        arguments = [*mine, "--model=default", "--measure=0", *arguments]
        return command_line(fill_many.main, *arguments)

    return call


def photograph(path, height=20, width=30, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def mask(path, height=20, width=30):
    path.parent.mkdir(parents=True, exist_ok=True)
    hole = np.zeros((height, width), np.uint8)
    hole[5:10, 5:15] = 255
    Image.fromarray(hole).save(path)
    return path


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(pathlib.Path(folder).rglob("*"))
        if path.is_file()
    }


def bad_rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["photograph", "mask", "reason"]
    return [(pathlib.Path(row[0]).name, row[2]) for row in rows[1:]]


@pytest.fixture
def folder(tmp_path):
    """Photographs whose names meet: two outputs could be called b.jpg."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    photograph(images / "a.png")
    photograph(images / "b.jpg", height=24)
    photograph(images / "b.jfif", height=24, format="JPEG")
    photograph(images / "deep/er/c.webp", lossless=True)
    photograph(images / "deep/no_ending", format="PNG")
    photograph(images / "d_mask.png")
    (images / "notes.txt").write_text("no photograph")
    photograph(images / ".hidden.png")
    for name in ("a", "deep/er/c_mask", "deep/no_ending", "d_mask"):
        mask(masks / f"{name}.png")
    mask(masks / "b.png", height=24)
    return tmp_path


def test_outputs_are_those_of_inpaint_byte_for_byte(folder, run, command_line):
    status, out, err = run("--photographs_at_a_time=2", "--measure=3")
    assert (status, err) == (0, "")
    assert out.startswith("6 photographs filled in ") and "1 file left out" in out
    assert "of that was reached" in out and "photographs/s" in out
    assert Red.loaded == 2  # for all batches together, and to measure
    status, _, _ = command_line(
        inpaint.main,
        f"--image={folder}/images",
        f"--mask={folder}/masks",
        f"--output={folder}/inpaints",
    )
    ours, theirs = tree(folder / "outputs"), tree(folder / "inpaints")
    assert status == 0 and len(ours) == 6 and "b.jfif.jpg" in ours
    assert ours == theirs
    before = read_photo(str(folder / "images/a.png")).pixels
    after = read_photo(str(folder / "outputs/a.png")).pixels
    hole = np.zeros(before.shape[:2], bool)
    hole[5:10, 5:15] = True
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert (after[hole] == [255, 0, 0]).all()
    assert bad_rows(folder / "outputs.bad.csv") == []


def test_what_is_done_is_not_done_again(folder, run):
    assert run()[0] == 0
    done = tree(folder / "outputs")
    times = {path: (folder / "outputs" / path).stat().st_mtime_ns for path in done}
    for path in ("a.png", "deep/er/c.webp"):
        (folder / "outputs" / path).unlink()
    Red.filled = 0
    status, out, _ = run()
    assert status == 0 and Red.filled == 2
    assert out.startswith("2 photographs filled") and "4 were done already" in out
    assert tree(folder / "outputs") == done
    for path in set(done) - {"a.png", "deep/er/c.webp"}:
        assert (folder / "outputs" / path).stat().st_mtime_ns == times[path]
    Red.filled = 0
    status, out, _ = run()
    assert status == 0 and Red.filled == 0 and out.startswith("0 photographs filled")


def test_bad_files_are_listed_with_reasons_and_the_others_go_on(tmp_path, run):
    images, masks = tmp_path / "images", tmp_path / "masks"
    photograph(images / "h.png")
    for name in "abcdefg":
        photograph(images / f"{name}.png")
        mask(masks / f"{name}.png")
    content = (images / "b.png").read_bytes()
    (images / "b.png").write_bytes(content[: len(content) // 2])
    mask(masks / "c.png", height=21)
    (masks / "d.png").unlink()
    (masks / "e.png").write_text("no picture")
    mask(masks / "f.webp")
    mask(masks / "h.png")
    mask(masks / "h_mask.png")
    os.link(images / "a.png", os.fsencode(str(images)) + b"/\xff.png")
    status, out, err = run()
    assert status == 1 and sorted(tree(tmp_path / "outputs")) == ["a.png", "g.png"]
    assert err == (
        f"tfinpaint: 7 photographs could not be filled: {tmp_path}/outputs.bad.csv says which and "
        "why\n"
    )
    rows = dict(bad_rows(tmp_path / "outputs.bad.csv"))
    assert len(rows) == 7
    for name, words in (
        ("b.png", "b.png cannot be read, it is damaged or incomplete"),
        ("c.png", "c.png is 30x20 pixels"),
        ("d.png", "no mask: NAME.png or NAME_mask.png in"),
        ("e.png", "e.png is not a JPEG"),
        ("f.png", "two masks for f"),
        ("h.png", "two masks for h"),
        ("?.png", "no UTF-8"),
    ):
        assert words in rows[name]
    # what was wrong is put right: a second run does that alone
    mask(masks / "d.png")
    Red.filled = 0
    assert run("--bad=" + str(tmp_path / "again.csv"))[0] == 1 and Red.filled == 1
    assert len(bad_rows(tmp_path / "again.csv")) == 6


def test_masks_beside_their_photographs_and_one_for_all(tmp_path, run):
    for name in ("a", "b"):
        photograph(tmp_path / f"images/{name}.png")
        mask(tmp_path / f"images/{name}_mask.png")
    status, out, _ = run(f"--mask={tmp_path}/images")
    assert status == 0 and sorted(tree(tmp_path / "outputs")) == ["a.png", "b.png"]
    one = mask(tmp_path / "one.png")
    status, out, _ = run(
        f"--image={tmp_path}/images/?.png", f"--mask={one}", f"--output={tmp_path}/by_one"
    )
    assert status == 0 and tree(tmp_path / "by_one") == tree(tmp_path / "outputs")


def test_a_list(tmp_path, run):
    photograph(tmp_path / "in/x/a.png")
    mask(tmp_path / "in/m/a.png")
    pixels = np.full((20, 30, 4), 255, np.uint8)
    pixels[5:10, 5:15, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "in/erased.png")
    photograph(tmp_path / "else/b, c.png")
    (tmp_path / "in/list.csv").write_text(
        "photograph,mask\n"
        "x/a.png,m/a.png\n"
        "\n"
        "erased.png,alpha\n"
        f'"{tmp_path}/else/b, c.png",m/a.png\n'
        "x/a.png,m/a.png\n"
        "x/a.png\n"
        "../else/d.png,m/a.png\n"
        "x/gone.png,m/a.png\n"
        "x/a.png,m/other.png\n"
    )
    status, out, err = run(f"--list={tmp_path}/in/list.csv")
    assert status == 1 and out.startswith("3 photographs filled")
    there = f"{str(tmp_path).lstrip('/')}/else/b, c.png"
    assert sorted(tree(tmp_path / "outputs")) == sorted(["x/a.png", "erased.png", there])
    rows = bad_rows(tmp_path / "outputs.bad.csv")
    assert [name for name, _ in rows] == ["d.png", "a.png", "gone.png", "a.png"]
    assert "PHOTOGRAPH,MASK" in rows[3][1] and "leads out" in rows[0][1]
    assert "There is no file" in rows[2][1] and "same output" in rows[1][1]


def test_another_file_system(folder, run):
    """What lies elsewhere is fetched, filled by the same function and put there whole."""
    from apache_beam.io.localfilesystem import LocalFileSystem

    class Elsewhere(LocalFileSystem):
        """elsewhere:///x is /x."""

        made = []

        @classmethod
        def scheme(cls):
            return "elsewhere"

        @staticmethod
        def here(path):
            return path.replace("elsewhere://", "")

        def _list(self, prefix):
            for found in super()._list(self.here(prefix)):
                yield type(found)(f"elsewhere://{found.path}", found.size_in_bytes)

        def _path_open(self, path, mode, *options):
            return super()._path_open(self.here(path), mode, *options)

        def create(self, path, *options, **named):
            self.made.append(path)
            return super().create(self.here(path), *options, **named)

        def exists(self, path):
            return super().exists(self.here(path))

        def rename(self, sources, places):
            return super().rename(*(list(map(self.here, paths)) for paths in (sources, places)))

    (folder / "images/a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    status, _, err = run(
        *(f"--{name}=elsewhere://{folder}/{name}s" for name in ("image", "mask")),
        f"--output=elsewhere://{folder}/there",
    )
    assert status == 1 and err.count("\n") == 1, err
    rows = bad_rows(folder / "there.bad.csv")
    assert len(rows) == 1, rows
    ((name, reason),) = rows
    assert name == "a.png" and reason.startswith(f"elsewhere://{folder}/images/a.png cannot be")
    assert run()[0] == 1
    assert len(tree(folder / "there")) == 5 and tree(folder / "there") == tree(folder / "outputs")
    assert len(Elsewhere.made) == 6 and all("/." in path for path in Elsewhere.made)
    status, out, _ = run(
        *(f"--{name}=elsewhere://{folder}/{name}s" for name in ("image", "mask")),
        f"--output=elsewhere://{folder}/there",
    )
    assert "5 were done already" in out


def test_a_full_disk_ends_the_run_in_one_line(folder, run, monkeypatch):
    def write(path, pixels, like=None, argument="path"):
        from tfinpaint.settings import SettingsError

        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise SettingsError(f"{path} cannot be written: {error}") from None

    monkeypatch.setattr(fill_file, "write_photo", write)
    status, out, err = run()
    assert status == 1 and err.count("\n") == 1
    assert "cannot be written: [Errno 28] No space left on device" in err
    assert not (folder / "outputs.bad.csv").exists()


@pytest.mark.parametrize(
    "arguments, beams, words",
    [
        (["--image="], [], "--image is missing"),
        (["--image=nowhere"], [], "--image=nowhere does not exist"),
        (["--mask=nowhere"], [], "--mask=nowhere does not exist"),
        (["--list=a.csv", "--image=b"], [], "--list, or --image and --mask"),
        (["--list=a.csv"], [], "--list=a.csv does not exist"),
        (["--list=lists/*.csv"], [], "for a glob: rename it"),
        (["--image=photo.png"], [], "--image is a folder or a glob. Got the file photo.png"),
        (["--image=what://a/b"], [], "what"),
        (["--model=nowhere"], [], "--model=nowhere"),
        (["--seed=3"], [], "--seed"),
        (["--mask=alpha", "--mask_is=known"], [], "--mask_is=known"),
        (["--blend=poisson", "--feather=3"], [], "--blend=poisson and --feather=3"),
        ([], ["--direct_num_worker=2"], "Beam has no option --direct_num_worker"),
        ([], ["runner"], "Beam's options are written --name=value"),
        (
            [],
            ["--direct_num_workers=many"],
            "Beam's options: argument --direct_num_workers: invalid int value: 'many'",
        ),
    ],
)
def test_mistakes_are_one_line(folder, run, monkeypatch, arguments, beams, words):
    monkeypatch.setattr(fill_many, "_BEAM", beams)
    monkeypatch.chdir(folder)
    photograph(folder / "photo.png")
    (folder / "lists").mkdir()
    status, _, err = run(*arguments)
    assert status == 1 and words in err and err.count("\n") == 1, err
    assert not (folder / "outputs").exists() and not (folder / "outputs.bad.csv").exists()


def test_an_output_in_its_photographs_is_refused(folder, run):
    status, _, err = run(f"--output={folder}/images/filled")
    assert status == 1 and "lies in --image" in err


@pytest.mark.parametrize(
    "image, output, words",
    [
        ("images", "images/filled", "lies in"),
        ("{here}/images", "images/filled", "lies in"),
        ("images", "{here}/link/filled", "lies in"),
        ("./images/**", "images/filled", "lies in"),
        ("images", "images", "is"),
        ("link", "images/", "is"),
    ],
)
def test_the_same_however_they_are_written(folder, run, monkeypatch, image, output, words):
    monkeypatch.chdir(folder)
    (folder / "link").symlink_to("images")
    image, output = (path.format(here=folder) for path in (image, output))
    before = tree(folder)
    status, _, err = run(f"--image={image}", f"--output={output}")
    assert status == 1 and f"--output={output} {words} --image={image}: " in err
    assert tree(folder) == before


@pytest.mark.parametrize("mask_is", ["data/", "./data", "{here}/data", "link", "data/**"])
def test_masks_beside_their_photographs_however_they_are_written(
    tmp_path, run, monkeypatch, mask_is
):
    monkeypatch.chdir(tmp_path)
    before = np.asarray(Image.open(photograph(tmp_path / "data/a.png")))
    hole = np.asarray(Image.open(mask(tmp_path / "data/a_mask.png"))) > 0
    (tmp_path / "link").symlink_to("data")
    status, out, err = run(f"--mask={mask_is.format(here=tmp_path)}", "--image=data")
    assert (status, err) == (0, "") and list(tree(tmp_path / "outputs")) == ["a.png"]
    after = np.asarray(Image.open(tmp_path / "outputs/a.png"))
    np.testing.assert_array_equal((after != before).any(2) & ~hole, False)


@pytest.mark.parametrize("where", ["data/masks", "data/masks/**", "{here}/link"])
def test_masks_in_a_folder_among_the_photographs(tmp_path, run, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    photograph(tmp_path / "data/a.png")
    mask(tmp_path / "data/masks/a.png")
    (tmp_path / "link").symlink_to("data/masks")
    status, out, _ = run("--image=data", f"--mask={where.format(here=tmp_path)}")
    assert status == 0 and list(tree(tmp_path / "outputs")) == ["a.png"]


@pytest.mark.parametrize("image", ["data", "data/*.png"])
def test_one_mask_among_the_photographs_is_no_photograph(tmp_path, run, monkeypatch, image):
    monkeypatch.chdir(tmp_path)
    photograph(tmp_path / "data/a.png")
    mask(tmp_path / "data/logo.png")
    status, out, _ = run(f"--image={image}", "--mask=data/logo.png")
    assert status == 0 and list(tree(tmp_path / "outputs")) == ["a.png"]
    assert out.startswith("1 photograph filled")


def test_what_is_found_in_a_folder_is_what_inpaint_finds(tmp_path, run, command_line):
    images, beside = tmp_path / "images[1]", tmp_path / "else"  # Beam would take it for a glob
    photograph(images / "a.jpg")
    photograph(images / "b.tif").rename(images / "a.nef")  # camera raw begins like a TIFF file
    photograph(beside / "c.png")
    (images / "linked").symlink_to(beside)
    photograph(images / ".hidden/d.png")
    one = mask(tmp_path / "one.png")
    arguments = f"--image={images}", f"--mask={one}"
    status, out, err = run(*arguments)
    assert status == 0 and out.startswith("2 photographs filled") and "1 file left out" in out
    assert f"{images}/: 1 file left out (camera raw" in err and err.endswith(": a.nef\n")
    command_line(inpaint.main, *arguments, f"--output={tmp_path}/theirs")
    assert tree(tmp_path / "outputs") == tree(tmp_path / "theirs")
    # a glob leaves out the same by name and content
    status, out, _ = run(f"--image={tmp_path}/im*/a*", f"--mask={one}", f"--output={tmp_path}/glob")
    assert status == 0 and list(tree(tmp_path / "glob")) == ["images[1]/a.jpg"]


def test_a_brand_that_stands_late_in_a_file_is_seen(tmp_path):
    from tfinpaint.big_jobs import files
    from tfinpaint.photo import folders

    brands = b"MiHB\0\0\0\0MiHBMiHEmiafMiHAavif"
    (tmp_path / "avif").write_bytes(b"\0\0\0\x30ftyp" + brands + bytes(40))
    assert folders.reason_against("avif", lambda path: files.head(str(tmp_path / "avif"))) is None


def test_one_file_by_two_names(tmp_path):
    from tfinpaint.big_jobs.files import are_same

    one = str(photograph(tmp_path / "one.png"))
    (tmp_path / "link.png").symlink_to("one.png")
    assert are_same(one, str(tmp_path / "link.png")) and are_same("gs://a/b", "gs://a/b")
    others = (str(tmp_path / "gone.png"), "n\0l.png", f"gs://{one}", str(tmp_path))
    assert not any(are_same(one, other) for other in others)


def test_two_photographs_of_one_output_are_not_both_called_filled(tmp_path, run):
    """A name that was made for one photograph may be another's own."""
    names = ("a.jfif", "a.jpg", "a.jfif.jpg", "a.jfif_2.jpg")
    for name in names:
        photograph(tmp_path / "images" / name, format="JPEG")
    one = mask(tmp_path / "one.png")
    status, out, _ = run(f"--mask={one}")
    assert status == 1 and out.startswith("3 photographs filled")
    assert sorted(tree(tmp_path / "outputs")) == sorted(names[1:])
    ((name, reason),) = bad_rows(tmp_path / "outputs.bad.csv")
    assert name == "a.jfif" and reason.endswith("images/a.jfif_2.jpg has the same output")


def test_a_list_that_other_programs_wrote(tmp_path, run, monkeypatch):
    """Excel's UTF-8 begins with a mark; a line may be in another encoding, or have another end."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "é", "x/c"):
        photograph(tmp_path / f"{name}.png")
    mask(tmp_path / "m.png")
    lines = (
        "a.png,m.png",
        "./a.png,./m.png",  # the same again
        ".//a.png,n.png",
        f"{tmp_path}/b.png,m.png",
        "é.png,m.png",
        "x//c.png,m.png",
    )
    content = "\ufeffphotograph,mask\r\n" + "\r\n".join(lines) + "\r\n"
    bad = b"caf\xe9.png,m.png\r\nold.png,m.png\rmac.png,m.png\r\n"
    (tmp_path / "list.csv").write_bytes(content.encode("utf-8") + bad)
    status, out, _ = run("--list=list.csv", "--output=out")
    assert status == 1 and out.startswith("4 photographs filled"), out
    assert sorted(tree(tmp_path / "out")) == ["a.png", "b.png", "x/c.png", "é.png"]
    rows = bad_rows(tmp_path / "out.bad.csv")
    assert [name for name, _ in rows] == [
        "a.png",
        "caf\ufffd.png,m.png",
        "old.png,m.png\rmac.png,m.png",
    ]
    assert rows[0][1].endswith("a.png has the same output")
    assert rows[1][1] == "a line of the list is PHOTOGRAPH,MASK, in UTF-8"
    assert rows[2][1] == "a line of the list is PHOTOGRAPH,MASK"


def test_a_bad_row_names_its_own_photograph():
    from tfinpaint.big_jobs import filling
    from tfinpaint.jobs import Job
    from tfinpaint.settings import SettingsError

    job = Job("gs://b/other", "m", "o", ["o"])
    names = {"/t/1": "gs://b/first", "/t/12": "gs://b/other"}
    error = SettingsError("/t/12 is damaged")
    row = filling._Fill(filling.Filling())._bad(job, error, names).value
    assert row == ("gs://b/other", "m", "gs://b/other is damaged")


def test_the_rate_of_the_model_names_its_threads(tmp_path, run, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 3)
    photograph(tmp_path / "images/a.png")
    one = mask(tmp_path / "one.png")
    status, out, _ = run(f"--mask={one}", "--measure=1", "--threads=3")
    assert status == 0 and "on this machine with 3 threads (measured on 1 of them)" in out


def test_an_empty_folder(tmp_path, run):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    status, _, err = run()
    assert status == 1 and err.endswith("has no photographs: no file in it is a picture\n")


# ------------------------------------------------------------------------- processes of their own


def start(folder, model, *beams, name="outputs"):
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tools.fill_many", f"--model={model}", "--measure=0"),
            *(f"--image={folder}/images", f"--mask={folder}/masks", f"--output={folder}/{name}"),
            *("--photographs_at_a_time=4", "--", *beams),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def many(tmp_path):
    for number in range(60):
        photograph(tmp_path / f"images/{number:02d}.png", height=64, width=96)
        mask(tmp_path / f"masks/{number:02d}.png", height=64, width=96)
    return tmp_path


def finished(folder):
    return [path for path in folder.glob("*.png") if not path.name.startswith(".")]


@pytest.mark.slow
def test_killed_half_way_and_started_again(many, packed):
    process = start(many, packed)
    while len(finished(many / "outputs")) < 20:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = {path.name: path.stat().st_mtime_ns for path in finished(many / "outputs")}
    assert 20 <= len(done) < 60
    for name in done:
        Image.open(many / "outputs" / name).load()  # whole
    process = start(many, packed)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert f"{60 - len(done)} photographs filled" in out and f"{len(done)} were done already" in out
    assert len(finished(many / "outputs")) == 60
    for name, when in done.items():
        assert (many / "outputs" / name).stat().st_mtime_ns == when
    # As if nothing had happened. (A killed process may leave one hidden file.)
    process = start(many, packed, name="straight")
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert len(finished(many / "straight")) == 60
    for path in finished(many / "straight"):
        assert path.read_bytes() == (many / "outputs" / path.name).read_bytes()


TWO = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")


def children(pid):
    """The ids of a process's children, and theirs."""
    threads = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(word) for thread in threads for word in thread.read_text().split()]
    return [*found, *(below for child in found for below in children(child))]


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc")
def test_a_killed_worker_ends_the_run_in_one_line(many, packed):
    process = start(many, packed, *TWO)
    while not finished(many / "outputs"):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(children(process.pid)[-1], signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1 and err.count("\n") == 1
    assert "a worker ended, perhaps for want of memory" in err
    done = len(finished(many / "outputs"))
    out, err = start(many, packed).communicate()
    assert f"{60 - done} photographs filled" in out and err == ""
    assert len(finished(many / "outputs")) == 60


@pytest.mark.slow
def test_two_processes_of_beam(many, packed):
    process = start(many, packed, *TWO)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "60 photographs filled" in out and "2 processes" in out and err == ""
    assert (many / "outputs.workers.log").stat().st_size
    assert len(finished(many / "outputs")) == 60
    process = start(many, packed, name="by_one")
    process.communicate()
    assert tree(many / "by_one") == tree(many / "outputs")


def test_the_log_of_the_processes_gets_the_folder_that_it_needs(tmp_path):
    from tfinpaint.big_jobs.running import workers_log
    from tfinpaint.settings import SettingsError

    with workers_log(str(tmp_path / "new/filled")):
        os.write(2, b"said")
    assert (tmp_path / "new/filled.workers.log").read_bytes() == b"said"
    with pytest.raises(SettingsError, match="`output='.*log/filled'` cannot be written: "):
        with workers_log(str(tmp_path / "new/filled.workers.log/filled")):
            pass
