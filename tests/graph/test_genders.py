"""Names tell gender, in any script, without listing people."""

import itertools
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.genders import KINDS, STATED_TRUE, NameTable, count_names, hear_statements

WOMEN = [("Anna", "Petrova"), ("Анна", "Орлова"), ("花子", "佐藤"), ("فاطمة", None), ("Zoë", "Keller")]
MEN = [("Ivan", "Petrov"), ("Иван", "Орлов"), ("太郎", "佐藤"), ("محمد", None), ("Jürgen", "Keller")]


def columns(people: list[tuple[str | None, str | None]]) -> tuple[pa.Array, pa.Array]:
    return pa.array([p[0] for p in people], pa.string()), pa.array([p[1] for p in people], pa.string())


def fitted(copies: int = 5) -> NameTable:
    genders = pa.array((["female"] * len(WOMEN) + ["male"] * len(MEN)) * copies)
    return NameTable.fit(*columns((WOMEN + MEN) * copies), genders)


def estimate(*people: tuple[str | None, str | None]) -> list[float]:
    return fitted().estimate(*columns(list(people))).tolist()


def test_first_names_of_any_script_tell():
    women = estimate(*((first, None) for first, _ in WOMEN))
    men = estimate(*((first, None) for first, _ in MEN))
    assert min(women) > 0.85
    assert max(men) < 0.15


def test_case_width_and_composition_of_letters_do_not_matter():
    plain, loud, wide, decomposed = estimate(("Zoë", None), ("ZOË", None), ("Ｚoë", None), ("Zoe\u0308", None))
    assert plain == loud == wide == decomposed


def test_an_ending_speaks_for_an_unknown_name():
    woman, man, cyrillic = estimate((None, "Kuznetsova"), (None, "Kuznetsov"), (None, "Смирнова"))
    assert woman > 0.7
    assert man < 0.3
    assert cyrillic > 0.7


def test_first_and_last_name_add_up():
    both, first, last = estimate(("Anna", "Petrova"), ("Anna", None), (None, "Petrova"))
    assert both > max(first, last)


def test_a_second_given_name_leaves_the_first_its_say():
    both, alone = estimate(("Anna Maria", None), ("Anna", None))
    assert both == alone


def test_names_that_say_nothing_are_unknown_and_shared_names_are_neutral():
    unknown, missing, shared = estimate(("Qqq", "Www"), (None, None), (None, "Keller"))
    assert math.isnan(unknown)
    assert math.isnan(missing)
    assert shared == pytest.approx(0.5, abs=0.02)


def test_rare_names_are_not_stored():
    people = [("Anna", "Petrova")] * 3 + [("Xanthippe", "Quux")] * 2
    table = NameTable.fit(*columns(people), pa.array(["female"] * 5))
    assert "xanthippe" not in table.to_json()
    assert "quux" not in table.to_json()
    assert table.counts.names["first"] == {"anna": (3, 0)}
    assert all(sum(count) >= 3 for kind in KINDS for count in table.counts.names[kind].values())


def test_people_of_unstated_gender_are_not_counted():
    table = NameTable.fit(*columns([("Anna", None)] * 4), pa.array([None, None, "other", "female"], pa.string()))
    assert table.counts.users == (1, 0)
    assert table.counts.names["first"] == {}


def test_json_brings_back_the_same_table_and_the_id_names_the_content():
    table = fitted()
    again = NameTable.from_json(table.to_json())
    assert again == table
    assert again.id == table.id
    assert again.estimate(*columns(WOMEN)).tobytes() == table.estimate(*columns(WOMEN)).tobytes()
    assert fitted(copies=6).id != table.id


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 9}', '{"version": 1, "names": {}, "users": [1, 2]}'])
def test_text_that_is_no_table_is_refused_in_one_line(text):
    with pytest.raises(ValueError, match=r"^not a name table .* a full rebuild writes a new one$"):
        NameTable.from_json(text)


@settings(max_examples=40)
@given(st.permutations(range(20)), st.lists(st.integers(0, 20), max_size=4))
def test_order_and_buckets_change_no_byte(order, cuts):
    people = (WOMEN + MEN) * 2
    stated = (["female"] * 5 + ["male"] * 5) * 2
    whole = NameTable.fit(*columns(people), pa.array(stated), least_users=1)
    edges = [0, *sorted(cuts), 20]
    parts = [
        count_names(*columns([people[i] for i in order[a:b]]), pa.array([stated[i] for i in order[a:b]], pa.string()))
        for a, b in itertools.pairwise(edges)
    ]
    assert NameTable.of_counts(parts, least_users=1).to_json() == whole.to_json()
    first, last = columns([people[i] for i in order])
    shuffled = whole.estimate(pa.chunked_array([first[:7], first[7:]]), pa.chunked_array([last]))
    assert np.array_equal(shuffled, whole.estimate(*columns(people))[list(order)])


def test_an_empty_population_makes_a_table_that_knows_nobody():
    none = pa.array([], pa.string())
    table = NameTable.fit(none, none, none)
    assert json.loads(table.to_json())["users"] == [0, 0]
    assert len(table.estimate(none, none)) == 0
    assert np.isnan(table.estimate(*columns([("Anna", None)]))).all()


def test_a_statement_is_heard_with_the_names():
    people = [("Anna", "Petrova"), ("Anna", "Petrova"), ("Qqq", None), ("Анна", "Орлова"), ("Qqq", None)]
    by_name = fitted().estimate(*columns(people))
    agreed, doubted, alone, silent, unknown = hear_statements(
        by_name, pa.array(["female", "male", "male", None, None], pa.string())
    ).tolist()
    assert agreed > STATED_TRUE
    assert 0.02 < doubted < by_name[1]
    assert alone == pytest.approx(1 - STATED_TRUE)
    assert silent == by_name[3]
    assert math.isnan(unknown)
