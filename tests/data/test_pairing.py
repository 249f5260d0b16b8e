from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from helpers import small_config
from mixcon3d.data.pairing import choose_text, choose_views, evaluation_views
from mixcon3d.data.record import read_record
from openshape_files import DIM, make_object, without_text, write_object

CONFIG = small_config().dataset


def record(tmp_path, content):
    return read_record(write_object(tmp_path / "x.npy", content), DIM)


def draws(item, config=CONFIG, flagged=False, n=400):
    rng = np.random.default_rng(0)
    return [choose_text(item, config, flagged, rng) for _ in range(n)]


def test_each_source_gives_one_candidate_and_each_candidate_is_as_likely(tmp_path):
    counts = Counter(t.text for t in draws(record(tmp_path, make_object()), n=3000))
    assert set(counts) == {"a raw title", "blip words", "msft words", "found", "found too"}
    assert counts["a raw title"] == pytest.approx(1000, abs=120)
    assert counts["blip words"] == pytest.approx(500, abs=90)
    assert counts["found"] == pytest.approx(500, abs=90)


def test_objaverse_gives_its_first_raw_text_and_others_a_random_one(tmp_path):
    config = replace(CONFIG, text_source=["text"])
    assert {t.text for t in draws(record(tmp_path, make_object()), config)} == {"a raw title"}
    assert {t.text for t in draws(record(tmp_path, make_object(dataset="ShapeNet")), config)} == {
        "a raw title",
        "another",
    }


def test_texts_and_captions_are_averaged_over_prompts_and_retrieved_ones_are_not(tmp_path):
    item = record(tmp_path, make_object())
    features = {t.text: t for t in draws(item)}
    assert features["a raw title"].feature is item.texts[0].prompt_avg
    assert features["blip words"].feature is item.blip.prompt_avg
    assert features["found"].feature is item.retrieval[0].original
    assert (features["blip words"].use_prompts, features["found"].use_prompts) == (True, False)
    plain = {t.text: t for t in draws(item, replace(CONFIG, use_prompt_engineering=False))}
    assert plain["blip words"].feature is item.blip.original


def test_an_empty_caption_gives_way_to_the_other(tmp_path):
    config = replace(CONFIG, text_source=["caption"])
    assert {t.text for t in draws(record(tmp_path, make_object(blip_caption="")), config)} == {"msft words"}
    assert {t.text for t in draws(record(tmp_path, make_object(msft_caption="")), config)} == {"blip words"}


def test_a_flagged_raw_text_is_not_used(tmp_path):
    assert "a raw title" not in {t.text for t in draws(record(tmp_path, make_object()), flagged=True)}


def test_without_any_text_there_is_none(tmp_path):
    assert set(draws(record(tmp_path, without_text()))) == {None}


def test_original_image_mode_takes_one_view_and_too_few_views_repeat():
    rng = np.random.default_rng(0)
    assert len(choose_views(12, replace(CONFIG, image_feat_mode="Original"), rng)) == 1
    assert sorted(Counter(choose_views(3, CONFIG, rng).tolist()).values()) == [1, 1, 2]


def test_evaluation_views_are_spread_evenly():
    assert evaluation_views(12, 4).tolist() == [0, 3, 6, 9]
    assert evaluation_views(12, 1).tolist() == [0]
    assert evaluation_views(12, 5).tolist() == [0, 2, 4, 7, 9]
    assert evaluation_views(2, 4).tolist() == [0, 0, 1, 1]
