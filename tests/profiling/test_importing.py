"""Folders of photos become a population that the door accepts whole, with the same ids each time."""

from __future__ import annotations

import datetime
import os
import unicodedata
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from profiling.decoding import decode_photo, read_photo
from profiling.errors import PopulationError
from profiling.importing import import_folder
from profiling.population import open_population
from profiling.settings import DecodingSettings
from profiling.tables import POPULATION
from tests.profiling.drawn_photos import encoded, scene
from tests.profiling.imported import FAMILY, JPEG, refusal, run_import


def with_exif(tags: dict[int, Any], shot: dict[int, Any], kind: str = "JPEG", **options: Any) -> bytes:
    exif = Image.Exif()
    exif.update(tags)
    exif.get_ifd(0x8769).update(shot)
    return encoded(scene(), kind, exif=exif.tobytes(), **options)


def test_folders_alone_are_enough(tmp_path: Path) -> None:
    counts, rows = run_import(tmp_path, FAMILY)
    assert counts == {"users": 2, "photos": 3, "tags": 0, "friendships": 0, "skipped": {}}
    assert {(user["first_name"], user["last_name"]) for user in rows["users"]} == {("Anna", "Petrova"), ("Борис", None)}
    assert all(user["consent"] and user["gender"] is None for user in rows["users"])
    anna = next(user["user_id"] for user in rows["users"] if user["first_name"] == "Anna")
    assert {Path(photo["uri"]).name: photo["owner_id"] == anna for photo in rows["photos"]} == {
        "one.jpg": True,
        "two.jpg": True,
        "три.png": False,
    }
    assert {(photo["width"], photo["height"]) for photo in rows["photos"]} == {(160, 120)}


def test_the_door_accepts_every_row_and_every_photo_is_found(tmp_path: Path) -> None:
    counts, rows = run_import(
        tmp_path,
        FAMILY
        | {
            "users.csv": "folder,gender,birth_year,consent\nAnna Petrova,female,1990,yes\nБорис,male,1985,no\n",
            "friends.csv": "user_a,user_b\nAnna Petrova,Борис\n",
            "tags.csv": "photo,user,x,y,w,h,source\nБорис/три.png,Anna Petrova,,,,,\n",
        },
    )
    population = open_population(str(tmp_path / "population"))
    for table in POPULATION:
        checked = list(population.batches(table))
        assert sum(len(batch.broken) for batch in checked) == 0
        assert sum(len(batch.rows) for batch in checked) == len(rows[table]) == counts[table] > 0
    for photo in rows["photos"]:
        decode_photo(read_photo(photo["uri"], "/elsewhere", DecodingSettings()), DecodingSettings())


def test_importing_twice_is_importing_once(tmp_path: Path) -> None:
    first, _ = run_import(tmp_path, FAMILY)
    before = {path.name: path.read_bytes() for path in (tmp_path / "population").iterdir()}
    second, _ = run_import(tmp_path, {})
    assert first == second
    assert {path.name: path.read_bytes() for path in (tmp_path / "population").iterdir()} == before
    assert set(before) == {f"{table}.parquet" for table in POPULATION}


def test_ids_are_stable_and_versions_follow_the_file(tmp_path: Path) -> None:
    _, before = run_import(tmp_path, FAMILY)
    path = tmp_path / "photos" / "Anna Petrova" / "one.jpg"
    path.write_bytes(encoded(scene(100, 90), "JPEG"))
    os.utime(path, (1, 1))
    _, after = run_import(tmp_path, {"Anna Petrova/0.jpg": JPEG, "Aaron/x.jpg": JPEG})
    old, new = ({row["uri"]: row for row in rows["photos"]} for rows in (before, after))
    assert len(new) == len(old) + 2
    changed = [uri for uri in old if old[uri] != new[uri]]
    assert changed == [str(path)]
    assert new[str(path)]["photo_id"] == old[str(path)]["photo_id"]
    assert new[str(path)]["version"] != old[str(path)]["version"]
    assert {user["user_id"] for user in before["users"]} < {user["user_id"] for user in after["users"]}


def test_ids_do_not_depend_on_how_letters_are_encoded(tmp_path: Path) -> None:
    """What macOS writes is found under what a list says, and gives the id that Linux gives."""
    apart, together = (unicodedata.normalize(form, "Zoë") for form in ("NFD", "NFC"))
    lists = f"folder,user_id\n{together},7\n"
    _, rows = run_import(
        tmp_path, {f"{apart}/ä.jpg": JPEG, "users.csv": lists, "tags.csv": f"photo,user\n{together}/ä.jpg,{together}\n"}
    )
    assert [user["user_id"] for user in rows["users"]] == [7]
    assert rows["tags"][0]["user_id"] == 7
    line = refusal(tmp_path, {f"{together}/b.jpg": JPEG})
    assert "encoded" in line


def test_reads_camera_and_time_from_exif(tmp_path: Path) -> None:
    moment = datetime.datetime(2019, 7, 6, 5, 4, 3)
    _, rows = run_import(
        tmp_path,
        {
            "a/full.jpg": with_exif({271: "NIKON CORPORATION\0", 272: "NIKON D70 "}, {36867: "2019:07:06 05:04:03"}),
            "a/apart.jpg": with_exif({271: "Apple", 272: "iPhone 12"}, {36868: "2019:07:06 05:04:03"}),
            "a/phone.heic": with_exif({272: "Pixel"}, {36867: "2019:07:06 05:04:03"}, "HEIF"),
            "a/web.webp": with_exif({271: "samsung"}, {}, "WEBP"),
            "a/scan.tif": with_exif({306: "2019:07:06 05:04:03"}, {}, "TIFF"),
            "a/dead_clock.jpg": with_exif({272: "\0\0"}, {36867: "0000:00:00 00:00:00", 36868: "yesterday"}),
            "a/plain.png": encoded(scene(), "PNG"),
            "a/broken.jpg": encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
        },
    )
    found = {Path(row["uri"]).stem: (row["camera"], row["taken_at"]) for row in rows["photos"]}
    assert found == {
        "full": ("NIKON D70", moment),
        "apart": ("Apple iPhone 12", moment),
        "phone": ("Pixel", moment),
        "web": ("samsung", None),
        "scan": (None, moment),
        "dead_clock": (None, None),
        "plain": (None, None),
        "broken": (None, None),
    }


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {}), ("PNG", {}), ("WEBP", {}), ("TIFF", {}), ("HEIF", {})])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_are_those_of_the_upright_photo(
    tmp_path: Path, kind: str, options: dict[str, Any], orientation: int
) -> None:
    _, rows = run_import(tmp_path, {"a/photo": with_exif({274: orientation}, {}, kind, **options)})
    photo = rows["photos"][0]
    decoded = decode_photo(read_photo(photo["uri"], "", DecodingSettings()), DecodingSettings())
    assert (photo["width"], photo["height"]) == (decoded.width, decoded.height)


def test_no_pixel_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a pixel was decoded")

    for place in ("PIL.ImageFile.ImageFile.load", "pillow_heif.as_plugin._LibHeifImageFile.load"):
        monkeypatch.setattr(place, fail)
    counts, _ = run_import(
        tmp_path, {f"a/{kind}": encoded(scene(), kind) for kind in ("JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP")}
    )
    assert counts["photos"] == 6
    assert counts["skipped"] == {}


def test_what_is_no_photo_is_counted_by_reason(tmp_path: Path) -> None:
    album = tmp_path / "photos" / "a"
    album.mkdir(parents=True)
    os.mkfifo(album / "pipe.jpg")
    (album / "lost.jpg").symlink_to("nowhere")
    (album / "again").symlink_to(".")  # a loop
    (album.parent / b"\xff\xfe".decode("utf-8", "surrogateescape")).mkdir()
    (album / b"\xff.jpg".decode("utf-8", "surrogateescape")).write_bytes(JPEG)
    counts, rows = run_import(
        tmp_path,
        {
            "a/text.jpg": "no photo",
            "a/empty.jpg": "",
            "a/cut.png": b"\x89PNG\r\n\x1a\n\0",
            "a/film.mp4": b"\0\0\0\x18ftypmp42" + bytes(100),
            "a/photo_with_odd_name.txt": JPEG,
            "a/.DS_Store": "hidden",
            "a/.hidden/b.jpg": JPEG,
            ".hidden/b.jpg": JPEG,
            "loose.jpg": JPEG,
        },
    )
    assert [Path(row["uri"]).name for row in rows["photos"]] == ["photo_with_odd_name.txt"]
    assert counts["skipped"] == {
        "bad_name": 2,
        "missing": 1,
        "not_a_photo": 2,
        "outside_albums": 1,
        "truncated": 2,
        "unreadable": 1,
    }


def test_nothing_to_import(tmp_path: Path) -> None:
    assert "no subfolders" in refusal(tmp_path, {"loose.jpg": JPEG})
    with pytest.raises(PopulationError, match="cannot be listed"):
        import_folder(tmp_path / "nowhere", tmp_path / "population")


def test_a_user_without_photos_is_a_user(tmp_path: Path) -> None:
    (tmp_path / "photos" / "shy").mkdir(parents=True)
    counts, _ = run_import(tmp_path, {})
    assert (counts["users"], counts["photos"]) == (1, 0)


def test_writes_over_nothing_but_its_own(tmp_path: Path) -> None:
    run_import(tmp_path, FAMILY)
    path = tmp_path / "population" / "users.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({}), path)
    before = path.read_bytes()
    assert "another --out" in refusal(tmp_path, {})
    assert path.read_bytes() == before
    for out in (tmp_path / "photos", tmp_path / "photos" / "Борис", tmp_path / "photos" / "population"):
        with pytest.raises(PopulationError, match="another --out"):
            import_folder(tmp_path / "photos", out)
