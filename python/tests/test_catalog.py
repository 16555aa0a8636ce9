"""What event IDs mean."""

import copy
import csv
import datetime as dt
import pickle
import typing
from collections.abc import Mapping
from pathlib import Path

import pytest

import nhn_cloudtrail as ct

DELETE = "event_id.iaas.instance.delete"


def tsv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE))


def test_version() -> None:
    assert dt.date.fromisoformat(ct.catalog.version)
    assert repr(ct.catalog) == f"Catalog({len(ct.catalog)} events, version {ct.catalog.version})"


def test_mapping() -> None:
    keys = ct.catalog.keys()
    assert len(ct.catalog) == len(keys) == len(set(keys)) > 2000
    assert keys == sorted(keys) == list(ct.catalog)
    assert [entry.id for entry in ct.catalog.values()] == keys
    assert ct.catalog.items() == list(zip(keys, ct.catalog.values(), strict=True))
    assert dict(ct.catalog) == dict(ct.catalog.items())
    assert DELETE in ct.catalog
    assert "event_id.iaas.instance.delet" not in ct.catalog
    assert 5 not in ct.catalog


def test_get() -> None:
    entry = ct.catalog.get(DELETE)
    assert entry == ct.catalog[DELETE]
    assert ct.catalog.get("event_id.moon_base.robot.delete") is None
    assert ct.catalog.get(DELETE.upper()) is None
    with pytest.raises(TypeError):
        ct.catalog.get(5)  # type: ignore[arg-type]


def test_unknown_id_names_near_ones() -> None:
    with pytest.raises(KeyError, match=r'"event_id\.iaas\.instance\.delet"; near to it: .*delete'):
        ct.catalog["event_id.iaas.instance.delet"]  # type: ignore[index]
    with pytest.raises(KeyError, match='no event "far away"'):
        ct.catalog["far away"]  # type: ignore[index]


def test_it_is_a_mapping_to_python() -> None:
    match ct.catalog:
        case {"event_id.iaas.instance.delete": entry, **_rest}:
            name = entry.name("en")
        case _:
            name = None
    assert name == "Delete Instance"
    assert isinstance(ct.catalog, Mapping)


def test_search() -> None:
    for text in ("인스턴스 삭제", "delete INSTANCE", "インスタンスの削除", "iaas.instance.delete"):
        assert ct.catalog.search(text)[0].id == DELETE
    found = ct.catalog.search("보안 그룹")
    assert isinstance(found, ct.Entries)
    assert len(found) > 3
    assert ct.catalog.search("보안그룹") == found
    assert ct.catalog.search("zzzzzz") == []


def test_suggest() -> None:
    assert ct.catalog.suggest("event_id.iaas.instance.delet")[0].id == DELETE
    assert ct.catalog.suggest("zzzzzzzzzzzzzzzz") == []


def test_services() -> None:
    services = ct.catalog.services()
    slugs = [service.slug for service in services]
    assert slugs == sorted(set(slugs))
    for service in services:
        entries = [entry for entry in ct.catalog.values() if service.slug in entry.services]
        assert service.events == len(entries)
        assert service.name() == service.name("ko") == service.name_ko
        assert (service.name("en"), service.name("ja")) == (service.name_en, service.name_ja)
        assert all([service.name_ko, service.name_en, service.name_ja])


def test_list_as_published(crate_data: Path) -> None:
    assert ct.catalog.lists() == ["gov-2020-10-29"]
    rows = tsv((crate_data / "lists" / "gov-2020-10-29.tsv").read_text().rstrip("\n"))
    expected = [ct.ListRow(row["event_id"], row["name_ko"], row["service"]) for row in rows]
    assert len(expected) > 100
    assert ct.catalog.list("gov-2020-10-29") == expected


def test_list_that_there_is_not() -> None:
    with pytest.raises(KeyError, match="gov-2020-10-29"):
        ct.catalog.list("gov-1999-01-01")


def test_literals_are_the_catalog() -> None:
    assert set(typing.get_args(ct.EventId)) == set(ct.catalog)
    assert len(typing.get_args(ct.EventId)) == len(ct.catalog)
    assert list(typing.get_args(ct.ServiceId)) == [one.slug for one in ct.catalog.services()]


def split(cell: str, separator: str = ",") -> list[str]:
    return cell.split(separator) if cell else []


def listing(cell: str) -> ct.Listing:
    edition, _, days = cell.partition("=")
    first, _, last = days.partition("/")
    return ct.Listing(
        edition, dt.date.fromisoformat(first), dt.date.fromisoformat(last) if last else None
    )


def test_entries_are_the_rows_of_the_tsv() -> None:
    rows = tsv(ct.catalog.to_tsv().rstrip("\n"))
    assert [row["event_id"] for row in rows] == ct.catalog.keys()
    for entry, row in zip(ct.catalog.values(), rows, strict=True):
        assert entry.id == row["event_id"]
        assert entry.services == split(row["services"])
        assert entry.service in entry.services
        assert entry.name() == entry.name("ko") == row["name_ko"]
        assert (entry.name("en"), entry.name("ja")) == (row["name_en"], row["name_ja"])
        published = [lang for lang in ("ko", "en", "ja") if entry.name_is_published(lang)]
        assert published == split(row["published"])
        assert entry.former_names == split(row["former_names_ko"], " / ")
        assert entry.resource == (row["resource"] or None)
        assert entry.retired == (row["retired"] == "true")
        assert entry.listings == [listing(cell) for cell in split(row["listings"], ";")]
        effects = [(one.resource_type, one.effect or "") for one in entry.effects]
        kinds = split(row["resource_type"])
        assert effects == list(zip(kinds, row["effect"].split(","), strict=bool(kinds)))
        assert entry.action == ct.Action(
            row["verb"] or None,
            row["kind"],  # type: ignore[arg-type]
            row["phase"] or None,  # type: ignore[arg-type]
            row["provenance"],  # type: ignore[arg-type]
        )


def test_when_entries_were_listed() -> None:
    for entry in ct.catalog.values():
        assert entry.first_listed == min(one.first for one in entry.listings)
        lasts = [one.last for one in entry.listings]
        assert entry.retired == (None not in lasts)
        assert entry.last_listed == (max(filter(None, lasts)) if entry.retired else None)
        for one in entry.listings:
            assert entry.is_current_in(one.edition) == (one.last is None)


def test_edition_that_there_is_not() -> None:
    with pytest.raises(ct.ArgumentError, match="moon"):
        ct.catalog[DELETE].is_current_in("moon")


def test_what_the_guide_says_of_resources() -> None:
    effects = ct.catalog["event_id.dataquery.cluster_off"].effects
    assert effects == [ct.ResourceEffect("DataQuery:Cluster", "delete")]


def test_language_that_there_is_not() -> None:
    with pytest.raises(ct.ArgumentError, match="ko, en, ja"):
        ct.catalog[DELETE].name("kr")  # type: ignore[arg-type]


def test_entries_are_values() -> None:
    entry = ct.catalog[DELETE]
    assert entry == ct.catalog.get(DELETE)
    assert hash(entry) == hash(ct.catalog.get(DELETE))
    assert entry != ct.catalog["event_id.iaas.instance.create"]
    assert entry != DELETE
    assert repr(entry) == f"Entry('{DELETE}', '인스턴스 삭제', service='infrastructure')"
    with pytest.raises(AttributeError):
        entry.id = "mine"  # type: ignore[misc]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_entries_can_be_pickled(protocol: int) -> None:
    entries = ct.catalog.values()
    assert pickle.loads(pickle.dumps(entries, protocol)) == entries


def test_entries_can_be_copied() -> None:
    entry = ct.catalog[DELETE]
    assert copy.copy(entry) == entry
    assert copy.deepcopy([entry]) == [entry]


def test_search_result_can_be_pickled() -> None:
    found = ct.catalog.search("보안 그룹")
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert isinstance(again, ct.Entries)


OVERLAY = (
    "event_id\tservices\tname_ko\tname_en\tkind\n"
    "event_id.moon_base.robot.scrap\tmoon-base\t로봇 폐기\tScrap Robot\tdelete\n"
    f"{DELETE}\t\t\tTerminate Instance\t\n"
)


@pytest.mark.parametrize("form", [str, str.encode, lambda text: bytearray(text.encode())])
def test_overlay(form: typing.Callable[[str], typing.Any]) -> None:
    catalog = ct.catalog.with_overlay(form(OVERLAY))
    assert len(catalog) == len(ct.catalog) + 1
    added = catalog["event_id.moon_base.robot.scrap"]  # type: ignore[index]
    assert (added.name("ko"), added.name("en")) == ("로봇 폐기", "Scrap Robot")
    assert added.services == ["moon-base"]
    assert added.action is not None
    assert added.action.kind == "delete"
    assert not added.retired
    assert added.listings == []
    corrected = catalog[DELETE]
    assert corrected.name("en") == "Terminate Instance"
    assert corrected.name("ko") == "인스턴스 삭제"
    assert corrected.services == ["infrastructure"]
    assert ct.catalog[DELETE].name("en") == "Delete Instance"
    assert "moon-base" in [service.slug for service in catalog.services()]


def test_events_read_with_an_overlay() -> None:
    catalog = ct.catalog.with_overlay(OVERLAY)
    log = b'{"eventId":"event_id.moon_base.robot.scrap"}'
    [event] = ct.parse(log, catalog=catalog, lang="en")
    assert (event.known, event.name(), event.service) == (True, "Scrap Robot", "moon-base")
    [event] = ct.read(log, catalog=catalog)
    assert event.name("en") == "Scrap Robot"
    table = ct.read_table(log, catalog=catalog, columns=["event_name", "kind", "known"])
    assert table.to_pyarrow().to_pylist() == [
        {"event_name": "로봇 폐기", "kind": "delete", "known": True}
    ]


def test_overlay_of_the_whole_catalog_changes_nothing() -> None:
    same = ct.catalog.with_overlay(ct.catalog.to_tsv())
    assert same.to_tsv() == ct.catalog.to_tsv()
    assert same.values() == ct.catalog.values()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", None),
        ("name_ko\nx", 1),
        ("event_id\tkind\nevent_id.a.b\tdestroy", 2),
        ("event_id\nevent_id.a.b\n\nevent_id.a.b", 4),
        (b"event_id\n\xff", 2),
    ],
)
def test_overlay_of_another_form(text: str | bytes, line: int | None) -> None:
    with pytest.raises(ct.CatalogError) as caught:
        ct.catalog.with_overlay(text)
    assert (caught.value.code, caught.value.line) == ("INVALID_OVERLAY", line)


def test_overlay_of_another_type() -> None:
    with pytest.raises(TypeError):
        ct.catalog.with_overlay(5)  # type: ignore[arg-type]


def test_entry_of_an_overlay_cannot_be_pickled_and_says_so() -> None:
    entry = ct.catalog.with_overlay(OVERLAY)[DELETE]
    with pytest.raises(ValueError, match="overlay"):
        pickle.dumps(entry)
