"""What the labels of a frame allow each place to be, and which side of a split it stands on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimis.readers.oesophagus.network import CLASSES, FINDINGS, SITES
from training.oesophagus import augment, data

BACKGROUND, BARRETTS, NEOPLASIA = (1 << CLASSES.index(n) for n in (CLASSES[0], CLASSES[1], CLASSES[2]))


def row(
    classes: str, source: str = "edd2020", centre: str = "AJ", oesophagus: str = "yes", group: str = "g"
) -> data.Row:
    file = f"images/{source}/x.webp"
    return {
        "file": file,
        "source": source,
        "centre": centre,
        "group": group,
        "oesophagus": oesophagus,
        "classes": classes,
    }


def test_suspicious_frame_says_nothing_of_neoplasia() -> None:
    truth, weight = data.findings_of(row("suspicious"))
    assert weight[FINDINGS.index("oesophageal-neoplasia")] == 0
    assert truth[FINDINGS.index("oesophageal-neoplasia")] == 0


@pytest.mark.parametrize("name", sorted(data.NEOPLASIA))
def test_neoplasia_frame_says_so_beside_any_other_label(name: str) -> None:
    truth, weight = data.findings_of(row(f"BE;suspicious;{name}"))
    assert (truth[0], weight[0]) == (1.0, 1.0)


def test_gastric_cancer_is_neither_neoplasia_of_the_oesophagus_nor_plain() -> None:
    found = row("gastric-cancer", source="ippa", oesophagus="no")
    assert data.findings_of(found)[1][0] == 0
    assert data.allowed_without_mask(found) == (1 << len(CLASSES)) - 1


def test_place_outside_a_neoplasia_outline_may_be_barretts_where_barretts_was_not_outlined() -> None:
    assert data.allowed_without_mask(row("HGD")) == BACKGROUND | BARRETTS
    assert data.allowed_without_mask(row("BE;HGD")) == BACKGROUND


@given(st.sampled_from(["AJ", "INAB", "ACB", "NAF", "F"]), st.text(max_size=5), st.text(max_size=5))
def test_centre_of_edd2020_stands_in_one_fold(centre: str, one: str, other: str) -> None:
    assert data.fold_of(row("BE", centre=centre, group=one)) == data.fold_of(row("HGD", centre=centre, group=other))


@given(st.text(max_size=8), st.sampled_from(["ippa", "ipcl", "nics2021", "hyperkvasir"]))
def test_group_stands_in_one_fold(group: str, source: str) -> None:
    assert data.fold_of(row("cancer", source, group=group)) == data.fold_of(row("BE", source, group=group))


def test_site_of_the_labels_is_known_by_name() -> None:
    assert SITES[data.site_of(row("site-antrum", source="nics2021", oesophagus="no"))] == "antrum"
    assert SITES[data.site_of(row("bbps-2-3", source="hyperkvasir", oesophagus="no"))] == "colon"
    assert data.site_of(row("HGD", centre="INAB", oesophagus="unlabelled")) == data.UNKNOWN_SITE
    assert data.site_of(row("gastric-cancer", source="ippa", oesophagus="no")) == data.ANOTHER_ORGAN


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0]))
def test_augmented_frame_is_black_exactly_where_its_map_is_empty(seed: int, gentle: float) -> None:
    rng = np.random.default_rng(seed)
    frame = rng.integers(40, 220, (64, 64, 3), dtype=np.uint8)
    allowed = np.full((64, 64), BACKGROUND, np.uint8)
    allowed[20:40, 20:40] = NEOPLASIA
    out, labels = augment.augment(frame, allowed, 48, rng, augment.Strength(gentle=gentle))
    assert out.shape == (48, 48, 3)
    assert labels.shape == (48, 48)
    assert not out[labels == 0].any()
    assert set(np.unique(labels)) <= {0, BACKGROUND, NEOPLASIA}


@given(st.integers(0, 2**32 - 1))
def test_borrowed_colours_have_the_mean_and_spread_of_the_other_frame(seed: int) -> None:
    """Of the pixels that are looked at, one in six each way: of all others only by chance."""
    rng = np.random.default_rng(seed)
    frame, other = (_frame(rng, mean, spread) for mean, spread in (((150, 90, 80), 12), ((110, 130, 100), 8)))
    out, wanted = augment.recoloured_as(frame, other, 1.0)[::6, ::6], other[::6, ::6]
    np.testing.assert_allclose(out.mean(axis=(0, 1)), wanted.mean(axis=(0, 1)), atol=0.5)
    np.testing.assert_allclose(out.std(axis=(0, 1)), wanted.std(axis=(0, 1)), atol=0.5)
    np.testing.assert_array_equal(augment.recoloured_as(frame, other, 0.0), frame)


def test_frame_without_light_keeps_its_colours() -> None:
    rng = np.random.default_rng(0)
    black, lit = np.zeros((64, 64, 3), np.uint8), _frame(rng, (150, 90, 80), 12)
    np.testing.assert_array_equal(augment.recoloured_as(black, lit, 1.0), black)
    np.testing.assert_array_equal(augment.recoloured_as(lit, black, 1.0), lit)


def _frame(rng: np.random.Generator, mean: tuple[int, int, int], spread: float) -> data.Square:
    return np.clip(rng.normal(mean, spread, (120, 120, 3)), 0, 255).astype(np.uint8)


def test_groups_stand_whole_in_one_half_and_both_halves_are_used() -> None:
    halves = [data.half_of(row("site-oesophagus", "nics2021", group=str(k))) for k in range(200)]
    assert halves == [data.half_of(row("site-cardia-gej", "nics2021", group=str(k))) for k in range(200)]
    assert 70 < sum(halves) < 130


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), min_size=1))
def test_balanced_frames_without_a_finding_weigh_as_much_as_those_with_it_and_near_ones_as_far_ones(
    frames: list[tuple[bool, str]],
) -> None:
    truth, sources = np.array([t for t, _ in frames]), np.array([s for _, s in frames])
    showing = np.isin(sources, sources[truth])
    shares = {"with": truth, "near": ~truth & showing, "far": ~truth & ~showing}

    weight = data.balanced(truth, sources)

    of_part = {name: weight[part].sum() for name, part in shares.items() if part.any()}
    wanted = {name: {"with": 2, "near": 1, "far": 1}[name] for name in of_part}
    assert weight.sum() == pytest.approx(1)
    assert of_part == pytest.approx({name: share / sum(wanted.values()) for name, share in wanted.items()})
    for part in filter(np.any, shares.values()):
        of_source = [weight[part & (sources == s)].sum() for s in set(sources[part])]
        assert of_source == pytest.approx([np.mean(of_source)] * len(of_source))
