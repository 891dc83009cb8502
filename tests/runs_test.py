"""What a run directory says of itself, also when something in it is damaged."""

import pytest

from tfinpaint.runs import Run
from tfinpaint.settings import HoleSettings, PhotoSettings, SettingsError, TrainSettings
from tfinpaint.training.run_history import check_run

SETTINGS = TrainSettings("multistage", PhotoSettings("samples:"), HoleSettings())
HEAD = "step,loss,val_psnr,val_l1\n"
ROWS = "1,0.5,,\n2,0.4,20.5,0.03\n3,0.3,,\n"


def figures(tmp_path, text):
    (tmp_path / "metrics.csv").write_text(text, encoding="utf-8")
    return Run(str(tmp_path), SETTINGS).validation_figures()


def test_figures_of_the_last_validation(tmp_path):
    assert Run(str(tmp_path), SETTINGS).validation_figures() is None
    assert figures(tmp_path, HEAD + "1,0.5,,\n") is None
    assert figures(tmp_path, HEAD + ROWS) == {"step": 2, "psnr": 20.5, "l1": 0.03}


@pytest.mark.parametrize("cut", ["4,0.2,3", "4,0.2,30.1,1e-", "4,0.2,30.1,0.0"])
def test_a_row_that_is_cut_short_is_none(tmp_path, cut):
    """A run that was killed while it wrote. 30.1 may have become 3."""
    assert figures(tmp_path, HEAD + ROWS + cut)["step"] == 2


def test_a_table_that_a_spreadsheet_has_saved(tmp_path):
    text = "\ufeff" + (HEAD + ROWS).replace("\n", "\r\n")
    assert figures(tmp_path, text) == {"step": 2, "psnr": 20.5, "l1": 0.03}
    assert figures(tmp_path, HEAD + "2,0.4,20.5,0.03,more\n")["psnr"] == 20.5
    (tmp_path / "metrics.csv").write_bytes((HEAD + ROWS).replace("\n", "\r").encode())
    assert Run(str(tmp_path), SETTINGS).validation_figures()["step"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "loss,val_psnr\n0.4,20.5\n",
        HEAD + "2,0.4,many,0.03\n",
        HEAD + ",0.4,20.5,0.03\n",
        (HEAD + ROWS).replace(",", ";"),
    ],
)
def test_a_damaged_table_is_one_line(tmp_path, text):
    with pytest.raises(SettingsError, match=r"`model='.*'`: its metrics.csv cannot be read: "):
        figures(tmp_path, text)


@pytest.mark.parametrize("name", ["checkpoints", "samples"])
@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_a_folder_of_a_run_that_is_none_counts_as_content(tmp_path, name, kind):
    """Say that the disk with the checkpoints is not there."""
    if kind == "file":
        (tmp_path / name).write_text("")
    else:
        (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="is not empty"):
        check_run(str(tmp_path), SETTINGS, resume=False)
    with pytest.raises(SettingsError, match="`run_dir="):
        check_run(str(tmp_path), SETTINGS, resume=True)
