from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_makers import results, training

from idfd.benchmark.bootstrap import mean_interval
from idfd.benchmark.seeds import by_recipe, combine, group
from idfd.errors import InputError

values = st.lists(st.floats(0, 5), min_size=4, max_size=4)


@settings(max_examples=8, deadline=None)
@given(st.lists(values, min_size=2, max_size=4))
def test_means_intervals_and_spread_follow_their_definitions(seeds: list[list[float]]) -> None:
    one = combine([results({"rmse": row}, facts=training(i)) for i, row in enumerate(seeds)])
    table = np.array(seeds)
    expected = mean_interval(table.mean(0), resamples=2000, confidence=0.95, seed=20240229)
    assert one.metrics["rmse"].mean == pytest.approx(expected.mean)
    assert one.metrics["rmse"].low == pytest.approx(expected.low)
    assert one.metrics["rmse"].high == pytest.approx(expected.high)
    assert one.metrics["rmse"].images == 4
    assert one.seed_sd["rmse"] == pytest.approx(np.std(table.mean(1), ddof=1))


def test_one_result_stays_as_it_is() -> None:
    alone = results({"rmse": [1.0, 2.0]}, name="median-depth")
    one = combine([alone])
    assert (one.metrics, one.seed_sd, one.seeds) == (alone.metrics, {}, ())
    assert one.first is alone


def test_the_order_of_the_files_does_not_matter() -> None:
    files = [results({"rmse": [1.0 + seed, 2.0]}, facts=training(seed)) for seed in (2, 0, 1)]
    assert combine(files) == combine(files[::-1])
    assert combine(files).seeds == (0, 1, 2)


def test_an_image_that_one_seed_could_not_score_is_left_out() -> None:
    whole = results({"rmse": [1.0, 2.0, 3.0]}, facts=training(0))
    part = results({"rmse": [1.0, 2.0, 3.0]}, facts=training(1))
    part.images[2].metrics.clear()
    one = combine([whole, part])
    assert one.metrics["rmse"].images == 2
    assert one.values == {"rmse": {"image000": 1.0, "image001": 2.0}}


def test_seeds_share_a_group_and_other_recipes_do_not() -> None:
    net = [results({"rmse": [1.0]}, facts=training(seed)) for seed in range(3)]
    longer = results({"rmse": [1.0]}, facts=training(0, settings={"seed": 0, "epochs": 800}))
    pretrained = results({"rmse": [1.0]}, facts=training(0, encoder="a" * 64))
    exact = results({"rmse": [1.0]}, facts=training(0, precision="fp32"))
    elsewhere = results({"rmse": [1.0]}, facts=training(0, release_digest="f" * 64))
    other_test = results({"rmse": [1.0]}, facts=training(0), digest="1" * 64)
    legacy = results({"rmse_minmax": [1.0]}, facts=training(0), protocol="legacy-minmax-1")
    median = results({"rmse": [1.0]}, name="median-depth")
    rest = [longer, pretrained, exact, elsewhere, other_test, legacy, median]
    groups = group([*net, *rest])
    assert [len(one.results) for one in groups] == [3, *(1 for _ in rest)]
    assert by_recipe([net[0], median, net[1]]) == [[0, 2], [1]]


def test_seeds_in_the_names_of_predictions_count() -> None:
    files = [
        results({"rmse": [float(seed)]}, name=f"net-seed{seed}", origin="predictions")
        for seed in (1, 2)
    ]
    (one,) = group(files)
    assert (one.name, one.seeds) == ("net", (1, 2))


def test_copies_and_results_without_a_seed_are_refused() -> None:
    with pytest.raises(InputError, match="have the seeds 3, 3"):
        group([results({"rmse": [1.0]}, facts=training(3)) for _ in range(2)])
    with pytest.raises(InputError, match="have the seeds none, none"):
        group([results({"rmse": [1.0]}, name="median-depth") for _ in range(2)])
    with pytest.raises(InputError, match="no results"):
        combine([])


def test_results_on_other_images_are_refused() -> None:
    with pytest.raises(InputError, match="were not scored alike"):
        combine(
            [
                results({"rmse": [1.0, 2.0]}, facts=training(0)),
                results({"rmse": [1.0]}, facts=training(1)),
            ]
        )
