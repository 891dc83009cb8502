"""The report page: what evaluate_test.py does not see."""

import base64

import cv2
import numpy as np
import pytest

from tfinpaint.evaluation import page


@pytest.mark.parametrize("size, shown", [((20, 20000), 1), ((20000, 20), 1), ((8, 8), 8)])
def test_a_very_narrow_picture_is_shown_too(size, shown):
    data = page._jpeg(np.zeros((*size, 3), np.uint8))
    jpeg = np.frombuffer(base64.b64decode(data.partition(",")[2]), np.uint8)
    assert min(cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape[:2]) == shown


def test_the_legend_names_intervals_only_where_there_are_some():
    models = ["mine", "telea"]
    assert "interval" in page._legend(10, models) and "interval" not in page._legend(9, models)


def test_the_legend_names_differences_only_if_there_is_something_to_compare_with():
    assert "difference to mine" in page._legend(10, ["mine", "telea"])
    assert "difference to mine" in page._legend(9, ["mine", "telea"])
    assert page._legend(10, ["mine"]) == "Below each mean is its interval."
    assert page._legend(9, ["mine"]) == ""
