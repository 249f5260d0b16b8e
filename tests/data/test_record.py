import numpy as np
import pytest

from mixcon3d.data.record import read_record
from mixcon3d.errors import DataError
from openshape_files import DIM, make_object, without_text, write_object


def read(tmp_path, content):
    return read_record(write_object(tmp_path / "x.npy", content), DIM)


def test_a_published_object_is_read(tmp_path):
    content = make_object()
    record = read(tmp_path, content)
    assert (record.uid, record.dataset) == ("object0", "Objaverse")
    assert record.xyz.dtype == record.rgb.dtype == np.float32
    np.testing.assert_array_equal(record.image_feat, content["image_feat"])
    assert [t.text for t in record.texts] == ["a raw title", "another"]
    np.testing.assert_array_equal(record.blip.prompt_avg, content["blip_caption_feat"]["prompt_avg"][0])
    np.testing.assert_array_equal(record.retrieval[1].original, content["retrieval_text_feat"][1]["original"])


def test_an_object_without_any_text_is_fine(tmp_path):
    record = read(tmp_path, without_text())
    assert (record.texts, record.blip, record.msft, record.retrieval) == ([], None, None, [])


def test_missing_colour_is_grey_and_missing_optional_keys_are_none(tmp_path):
    record = read(tmp_path, make_object(rgb=None, thumbnail_feat=None, image_feat=None))
    assert np.unique(record.rgb).tolist() == [np.float32(0.4)]
    assert record.thumbnail_feat is None
    assert record.image_feat is None


BAD = {
    "no xyz": ({"xyz": None}, "lacks the key 'xyz'"),
    "flat xyz": ({"xyz": np.zeros(30)}, r"xyz has the shape \(30,\), expected \(any, 3\)"),
    "no point": ({"xyz": np.zeros((0, 3)), "rgb": np.zeros((0, 3))}, "xyz holds no point"),
    "nan": ({"xyz": np.full((5, 3), np.nan), "rgb": np.zeros((5, 3))}, "xyz holds values that are not finite"),
    "infinite": ({"xyz": np.full((5, 3), np.inf), "rgb": np.zeros((5, 3))}, "not finite"),
    "text xyz": ({"xyz": np.array([["a", "b", "c"]])}, "not numbers"),
    "rgb of other points": ({"rgb": np.zeros((7, 3))}, r"rgb has the shape \(7, 3\), expected \(150, 3\)"),
    "rgb in 0..255": ({"rgb": np.full((150, 3), 200.0)}, r"rgb reaches from 200 to 200, expected \[0, 1\]"),
    "other features": ({"image_feat": np.zeros((12, 9))}, r"image_feat has the shape \(12, 9\), expected \(any, 16\)"),
    "nan feature": ({"image_feat": np.full((12, DIM), np.nan)}, "image_feat holds values that are not finite"),
    "text without feature": ({"text_feat": []}, "2 entries in text, but 0 in text_feat"),
    "caption without feature": ({"blip_caption_feat": None}, "blip_caption_feat has a text but no features"),
    "feature without kind": ({"msft_caption_feat": {"original": np.zeros(DIM)}}, "lacks the key 'prompt_avg'"),
    "no dict": ([1, 2], "expected a pickled dict, found ndarray"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_object_is_one_line_with_path_and_reason(tmp_path, case):
    changes, message = BAD[case]
    content = make_object(**changes) if isinstance(changes, dict) else changes
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path, content)
    assert str(tmp_path / "x.npy") in str(error.value)
    assert "\n" not in str(error.value)


def test_features_are_left_alone_when_they_are_computed_online(tmp_path):
    content = make_object(image_feat=None, text_feat=None, blip_caption_feat=None, msft_caption_feat=None,
                          retrieval_text_feat=None, views=[b"png"])  # fmt: skip
    record = read_record(write_object(tmp_path / "x.npy", content), None)
    assert record.blip.text == "blip words"
    assert record.blip.original is None
    assert record.views == [b"png"]
