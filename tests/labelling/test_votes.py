"""Votes: what stands in a file, shares of several people, and the training table that follows."""

import numpy as np
import pandas as pd
import pytest

from scope_nb import Dataset
from scope_nb.dataset import undo_corrections
from scope_nb.dataset.splits import parts_of_stars
from scope_nb.labelling import (
    append_vote,
    begin_votes,
    correct_by_votes,
    count_votes,
    find_askable,
    find_conflicts,
    join_pool,
    make_version,
    read_votes,
    read_with_pool,
)
from scope_nb.labelling.votes import COLUMNS, UNDO, UNSURE
from scope_nb.taxonomy import label_names

ASKED = ["rrlyr", "e"]


@pytest.fixture
def written(tmp_path):
    """The files of votes of three people on three stars, one with a comma in her name."""
    for who, star, answer, tags in (
        ("Anna, A.", "star001", "vote", ["rrlyr", "puls", "vnv", "pnp"]),
        ("Ben", "star001", "vote", ["e"]),
        ("Ben", "star002", "vote", ["e"]),
        ("Ben", "star001", UNDO, []),
        ("Ben", "star001", "vote", ["rrlyr"]),
        ("Ben", "star001", "vote", []),
        ("Ben", "star001", UNDO, []),
        ("Carl", "star001", UNSURE, []),
        ("Carl", "star002", "vote", []),
        ("Carl", "star003", "vote", ["e"]),
        ("Carl", "star003", UNDO, []),
        ("Carl", "star003", UNDO, []),
    ):
        append_vote(tmp_path / f"{who}.csv", who, star, answer, ASKED, tags)
    return sorted(tmp_path.glob("*.csv"))


def test_votes_are_merged_in_any_order_and_undone(written, tmp_path):
    votes = read_votes(*written)
    expected = {("Anna, A.", "star001", "rrlyr;puls;vnv;pnp"), ("Ben", "star001", "rrlyr"), ("Ben", "star002", "e")}
    expected |= {("Carl", "star001", ""), ("Carl", "star002", "")}
    assert set(zip(votes["who"], votes["obj_id"], votes["tags"], strict=True)) == expected
    rows = pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False) for path in written])
    for seed in range(20):
        shuffled = pd.concat([rows, rows.sample(5, random_state=seed)]).sample(frac=1, random_state=seed)
        for k in range(2):
            shuffled.iloc[k::2].to_csv(tmp_path / f"part{k}", index=False)
        pd.testing.assert_frame_equal(read_votes(tmp_path / "part0", tmp_path / "part1"), votes)


def test_shares_are_of_those_who_voted_and_were_asked(written):
    counts = count_votes(read_votes(*written)).set_index(["obj_id", "tag"])
    assert counts.loc[("star001", "rrlyr"), ["n", "share"]].tolist() == [2, 1.0]  # Carl does not know
    assert counts.loc[("star001", "puls"), ["n", "share"]].tolist() == [1, 1.0]  # Ben was not asked
    assert counts.loc[("star002", "e"), ["n", "share", "yes", "no"]].tolist() == [2, 0.5, "Ben", "Carl"]
    assert "star003" not in counts.index
    conflicts = find_conflicts(counts.reset_index())
    assert conflicts[["obj_id", "tag"]].to_numpy().tolist() == [["star002", "e"]]


def test_votes_correct_every_light_curve_of_a_star_and_are_undone(table, written):
    counts = count_votes(read_votes(*written))
    corrections = correct_by_votes(table, counts, least=2)
    version, changes = make_version(table, corrections)
    changed = version[label_names()].to_numpy() != table[label_names()].to_numpy()
    assert set(version["obj_id"][changed.any(axis=1)]) <= {"star001", "star002"}
    for star, label, share in (
        ("star001", "RR Lyrae", 1.0),
        ("star001", "eclipsing", 0.0),
        ("star002", "eclipsing", 0.5),
    ):
        assert (version.loc[version["obj_id"] == star, label] == share).all()
    assert changes["shares"].sum() == len(corrections) == changed.sum()
    for label in changes.index:
        now = [(frame[label] > 0.7).sum() for frame in (table, version)]
        assert changes.loc[label, ["before", "after"]].tolist() == now
    assert version.attrs["version"] == 2 and version.attrs["new light curves"] == 0
    assert correct_by_votes(version, counts, least=2).empty
    pd.testing.assert_frame_equal(undo_corrections(version, corrections), table)


def test_stars_of_a_pool_that_people_voted_on_become_rows(table, tmp_path):
    old = table[table["obj_id"] < "star300"]
    new = table[table["obj_id"] >= "star300"].drop(columns=label_names())
    pool = find_askable(new, old)
    joined, stars = join_pool(old, pool), pool["obj_id"].unique()[:3]
    for star in stars:
        append_vote(tmp_path / "votes.csv", "Anna", star, asked=ASKED, tags=["e"])
    append_vote(tmp_path / "votes.csv", "Anna", pool["obj_id"].iloc[-1], UNSURE)
    counts = count_votes(read_votes(tmp_path / "votes.csv"))
    version, _ = make_version(joined, correct_by_votes(joined, counts), len(old))
    assert set(version["obj_id"]) == {*old["obj_id"], *stars}
    pd.testing.assert_frame_equal(version.iloc[: len(old)], old)
    added = version.iloc[len(old) :]
    assert (added["eclipsing"] == 1).all() and (added["RR Lyrae"] == 0).all() and added["EA"].isna().all()
    before, after = Dataset.read(old, "e"), Dataset.read(version, "e")
    for part in ("val", "test"):
        assert before[part].row.tolist() == after[part].row.tolist()


def test_votes_of_what_is_not_variable_bring_negatives_of_vnv(table, tmp_path):
    old = table[table["obj_id"] < "star300"]
    pool = find_askable(table[table["obj_id"] >= "star300"], old)
    joined, (variable, constant, *others) = join_pool(old, pool), pool["obj_id"].unique()
    append_vote(tmp_path / "votes.csv", "Anna", variable, asked=["vnv"], tags=["vnv"])
    append_vote(tmp_path / "votes.csv", "Anna", constant, asked=["vnv"])
    corrections = correct_by_votes(joined, count_votes(read_votes(tmp_path / "votes.csv")))
    labelled = {*old["obj_id"], variable, constant}
    dataset = read_with_pool(joined, "vnv", corrections, labelled, dmdt=False)
    assert set(dataset["dropped"].star) == set(others)
    y = pd.Series(dataset.train.y, dataset.train.star)
    assert (y[variable] == 1).all() and (y[constant] == 0).all()
    before = Dataset.read(old, "vnv", dmdt=False)
    assert len(dataset.train) - len(before.train) == np.isin(table["obj_id"], [variable, constant]).sum()
    version, _ = make_version(joined, corrections, len(old))
    assert Dataset.read(version, "vnv", dmdt=False).train.row.tolist() == dataset.train.row.tolist()


@pytest.mark.parametrize("named", [True, False], ids=["names", "positions"])
def test_no_star_of_the_test_part_enters_the_pool(table, named):
    frame = table if named else table.drop(columns="obj_id")
    everything = Dataset.read(frame, "e")
    learned = table["_id"] < 100
    pool = find_askable(frame[~learned], frame[learned])
    part = pd.Series(everything.part, everything.row)
    assert set(part[pool.index]) == {"train"}
    assert not set(pool["_id"]) & set(table["_id"][learned])
    assert len(pool) == ((part == "train") & ~learned).sum()
    with pytest.raises(ValueError, match="no star of the pool is left"):
        find_askable(frame, frame)
    test = parts_of_stars(table["obj_id"]) == "test"
    with pytest.raises(ValueError, match="no star of the pool is left"):
        find_askable(table[test], table.iloc[:0])


def test_a_damaged_vote_is_named_and_never_skipped(tmp_path):
    path = tmp_path / "votes.csv"
    begin_votes(path)
    begin_votes(path)
    assert path.read_text(encoding="utf-8") == ",".join(COLUMNS) + "\n"
    assert read_votes(path).empty and count_votes(read_votes(path)).empty
    append_vote(path, "Anna", "star001", asked=ASKED, tags=["e"])
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + whole.splitlines()[1][:30], encoding="utf-8")
    with pytest.raises(ValueError, match=r"votes\.csv: row 1 of the votes is no whole vote"):
        read_votes(path)
    for wrong in (
        dict(who=""),
        dict(star=""),
        dict(answer="maybe"),
        dict(period="-1"),
        dict(asked=[]),
        dict(asked=["", ""]),
    ):
        with pytest.raises(ValueError, match="no whole vote"):
            append_vote(path, **(dict(who="Anna", star="star001", asked=ASKED) | wrong))
    path.write_text(whole.replace(",e,", ",$,"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"votes\.csv: '\$' cannot be the name of a tag"):
        read_votes(path)
    path.write_text("when,who\n", encoding="utf-8")
    with pytest.raises(ValueError, match="missing: "):
        read_votes(path)


def test_labels_that_a_table_lacks_are_named(table, written):
    counts = count_votes(read_votes(*written))
    with pytest.raises(ValueError, match="no column 'eclipsing', for which people voted"):
        correct_by_votes(table.drop(columns="eclipsing"), counts)
    with pytest.raises(ValueError, match="no column '_id'"):
        correct_by_votes(table.drop(columns="_id"), counts)
    assert np.isfinite(counts["share"]).all()
