"""users.csv, friends.csv and tags.csv are read as people write them, or refused with file, row and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.profiling.imported import FAMILY, JPEG, refusal, run_import


def test_lists_give_names_friends_and_tags(tmp_path: Path) -> None:
    largest = 2**63 - 1
    _, rows = run_import(
        tmp_path,
        FAMILY
        | {
            "users.csv": '\ufeffFolder;user_id;gender;note\r\nБорис;5;Male;"x;y"\r\n\r\n  Anna Petrova ;;;\r\n'
            f"Nobody;{largest};;\r\n"
        }
        | {"friends.csv": f"user_b,user_a\nБорис,Anna Petrova\nAnna Petrova,5\n5,{largest}\n"}
        | {
            "tags.csv": "photo,user,x,y,w,h,source\n"
            "Борис/три.png,Anna Petrova,0.1,.2,0.3,0.4,Confirmed\n"
            "./Борис/три.png,5,,,,,\n"
            "Anna Petrova\\2019\\two.jpg,5,,,,,rejected\n"
            "Борис/три.png,5,,,,,\n"
        },
    )
    users = {user["user_id"]: user for user in rows["users"]}
    assert users[5]["gender"] == "male"
    assert users[5]["first_name"] is None
    assert largest in users
    anna = next(user_id for user_id in users if user_id not in (5, largest))
    assert [(row["user_a"], row["user_b"]) for row in rows["friendships"]] == sorted([(5, anna), (5, largest)])
    owners = {row["photo_id"]: row["owner_id"] for row in rows["photos"]}
    tags = {(owners[row["photo_id"]], row["user_id"]): row for row in rows["tags"]}
    assert len(rows["tags"]) == len(tags) == 3
    assert tags[5, anna]["x"] == pytest.approx(0.1)
    assert tags[5, anna]["source"] == "confirmed"
    assert tags[5, 5]["x"] is None
    assert tags[anna, 5]["source"] == "rejected"


def test_a_tag_on_a_skipped_file_is_skipped_with_it(tmp_path: Path) -> None:
    counts, rows = run_import(
        tmp_path, {**FAMILY, "Борис/film.avi": "film", "tags.csv": "photo,user\nБорис/film.avi,Борис\n"}
    )
    assert rows["tags"] == []
    assert counts["skipped"] == {"not_a_photo": 1, "tag_of_skipped_photo": 1}


def test_a_folder_name_wins_over_an_equal_id(tmp_path: Path) -> None:
    _, rows = run_import(
        tmp_path,
        {
            "7/a.jpg": JPEG,
            "b/b.jpg": JPEG,
            "users.csv": "folder,user_id\n7,1\nb,7\n",
            "friends.csv": "user_a,user_b\n7,b\n",
        },
    )
    assert [(row["user_a"], row["user_b"]) for row in rows["friendships"]] == [(1, 7)]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("users.csv", "name\nx\n", ["'folder'", "missing"]),
        ("users.csv", "", ["'folder'", "missing"]),
        ("users.csv", "folder,folder\na,b\n", ["'folder'", "twice"]),
        ("users.csv", "folder,gender\nБорис,male\nAnna Petrova,yes\n", ["row 3", "gender 'yes'"]),
        ("users.csv", "folder,birth_year\nБорис,'85\n", ["row 2", "birth_year"]),
        ("users.csv", "folder,user_id\nБорис,9223372036854775808\n", ["row 2", "user_id"]),
        ("users.csv", "folder,user_id\nБорис,1e3\n", ["row 2", "user_id"]),
        ("users.csv", "folder,user_id\nБорис,1\nAnna Petrova,1\n", ["row 3", "already", "Борис"]),
        ("users.csv", "folder\nБорис\nБорис\n", ["row 3", "twice"]),
        ("users.csv", "folder,consent\nБорис,perhaps\n", ["row 2", "consent 'perhaps'"]),
        ("users.csv", "folder,gender\n,male\n", ["row 2", "folder is empty"]),
        ("users.csv", "folder,gender\nPetrov, Boris,male\n", ["row 2", "3 values for 2 columns"]),
        ("users.csv", 'folder,gender\n"Борис,male\n', ["row", "quotation"]),
        ("users.csv", "folder\nБорис\n".encode("cp1251"), ["not UTF-8"]),
        ("friends.csv", "user_a,user_b\nБорис,Anna\n", ["row 2", "'Anna'"]),
        ("friends.csv", "user_a,user_b\nБорис,Борис\n", ["row 2", "one user"]),
        ("friends.csv", "user_a,user_b\nБорис,\n", ["row 2", "user_b is empty"]),
        ("friends.csv", "user_a\nБорис\n", ["'user_b'"]),
        ("tags.csv", "photo,user\nnowhere.jpg,Борис\n", ["row 2", "nowhere.jpg"]),
        ("tags.csv", "photo,user\nБорис/три.png,nobody\n", ["row 2", "nobody"]),
        ("tags.csv", "photo,user,x,y,w,h\nБорис/три.png,Борис,12,0,30,30\n", ["row 2", "x is 12"]),
        ("tags.csv", "photo,user,x,y,w,h\nБорис/три.png,Борис,.1,.1,,.1\n", ["row 2", "w is empty"]),
        ("tags.csv", "photo,user,x,y,w,h\nБорис/три.png,Борис,.1,.1,nan,.1\n", ["row 2", "w 'nan'"]),
        ("tags.csv", "photo,user,source\nБорис/три.png,Борис,guess\n", ["row 2", "source 'guess'"]),
    ],
)
def test_errors_in_lists_are_one_line_with_file_and_row(
    tmp_path: Path, name: str, text: str | bytes, words: list[str]
) -> None:
    line = refusal(tmp_path, FAMILY | {name: text})
    assert str(tmp_path / "photos" / name) in line
    assert all(word in line for word in words), line
    assert not (tmp_path / "population").exists()
