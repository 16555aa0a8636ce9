"""What notebooks show: whatever comes from a record stays text."""

import json
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

import nhn_cloudtrail as ct

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</td></tr></table><h1>",
    "<!--",
    "<![CDATA[",
    "&lt;b&gt;",
    "<style>*{display:none}</style>",
    "javascript:alert(1)",
    "a\x1b[2J\x00\x07\x08b",
    "\u202egnp.exe\u2066\u200f\u061c",
    "\ufeff\u200b\ue000",
    "\u2028\u2029\xad\u180e\u2060\u2065\ufff9\U000e0041",
    "${{7*7}}`$\\(x\\)`",
]

KNOWN = {"table", "caption", "thead", "tbody", "tr", "th", "td", "b", "p", "span"}


class Strict(HTMLParser):
    """Notes all that is no table of text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        self.odd: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag not in KNOWN:
            self.odd.append(f"<{tag}>")
        for name, value in attrs:
            if name != "style" or set(value or "") & set("<>\"'(\\&"):
                self.odd.append(f"{name}={value}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.odd.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"

    def handle_comment(self, data: str) -> None:
        self.odd.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.odd.append(f"<!{decl}")

    unknown_decl = handle_decl
    handle_pi = handle_decl


def shown(html: str) -> str:
    """The text of the HTML, which must have nothing else in it."""
    page = Strict(html)
    assert page.odd == []
    assert page.open == []
    hidden = [
        c
        for c in html
        if unicodedata.category(c) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp") and c not in "\n\t"
    ]
    assert hidden == []
    return page.text


def hostile_record(text: str) -> str:
    fields = ["eventTime", "eventId", "eventSourceType", "userId", "userName", "userIdNo", "userIp"]
    fields += ["userAgent", "region", "orgId", "projectId", "projectName", "productId", "appKey"]
    fields += ["tenantId", "eventLogUuid", "request", "response"]
    record: dict[str, object] = dict.fromkeys(fields, text)
    record[text] = text
    record["nested"] = {text: [text, {text: text}]}
    record["eventTarget"] = {"targetMembers": [{"idNo": text, "name": text, "userCode": text}]}
    record["response"] = json.dumps({"header": {"resultCode": text, "resultMessage": text}})
    return json.dumps(record)


def visible(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


@pytest.mark.parametrize("text", HOSTILE)
def test_event(text: str) -> None:
    [event] = ct.parse(hostile_record(text))
    page = shown(event._repr_html_())
    if text.isprintable():
        assert text in page
    assert visible(text)[:8] in visible(page)


@pytest.mark.parametrize("text", HOSTILE)
def test_table(text: str) -> None:
    table = ct.read_table(hostile_record(text).encode())
    page = shown(table._repr_html_())
    if text.isprintable():
        assert text in page
    raw = ct.read_table(hostile_record(text).encode(), columns=["raw", "source", "source_record"])
    shown(raw._repr_html_())


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.isprintable()])
def test_entries(text: str) -> None:
    names = "\t".join([text] * 3)
    overlay = (
        "event_id\tservices\tname_ko\tname_en\tname_ja\tformer_names_ko\tverb\tkind\tresource\n"
        f"event_id.moon.robot\t{text.replace(',', '')}\t{names}\t{text}\t{text}\tdelete\t{text}\n"
    )
    catalog = ct.catalog.with_overlay(overlay)
    entry = catalog["event_id.moon.robot"]  # type: ignore[index]
    assert text.strip() in shown(entry._repr_html_())
    found = catalog.search("event_id.moon.robot")
    assert found[0] == entry
    assert text.strip() in shown(found._repr_html_())


def test_entry_with_a_hostile_id() -> None:
    identifier = '"><img/src=x/onerror=alert(1)>'
    entry = ct.catalog.with_overlay(f"event_id\n{identifier}\n")[identifier]  # type: ignore[index]
    assert identifier in shown(entry._repr_html_())


def test_hostile_header_of_a_table_is_not_there_to_choose() -> None:
    with pytest.raises(ct.ArgumentError):
        ct.read_table(b"{}", columns=["<script>"])  # type: ignore[list-item]


def test_event_shows_what_it_has() -> None:
    record = {"eventId": "event_id.iaas.vpc.delete", "region": "KR1", "note": "하하"}
    page = shown(ct.parse(json.dumps(record))[0]._repr_html_())
    for words in ("VPC 삭제", "event_id.iaas.vpc.delete", "region", "KR1", "하하"):
        assert words in page
    assert "user_agent" not in page
    assert shown(ct.parse('{"eventId":null}')[0]._repr_html_()).startswith("Event\n")


def test_table_shows_its_first_rows() -> None:
    log = "".join(f'{{"userName":"user-{number}"}}\n' for number in range(1234)).encode()
    page = shown(ct.read_table(log)._repr_html_())
    assert "1,234 rows × 30 columns; the first 10" in page
    assert "user-9\n" in page
    assert "user-10\n" not in page
    assert "0 rows" in shown(ct.read_table(b"")._repr_html_())


def test_long_texts_are_cut() -> None:
    record = json.dumps({"request": "x" * 100_000, "more": "y" * 100_000})
    [event] = ct.parse(record)
    table = ct.read_table(record.encode())
    for html in (event._repr_html_(), table._repr_html_()):
        assert len(shown(html)) < 5_000
        assert "xxx…" in html


@pytest.mark.parametrize(
    "show", [ct.Entry._repr_html_, lambda entry: ct.Entries([entry])._repr_html_()]
)
def test_every_entry_can_be_shown(show: Callable[[ct.Entry], str]) -> None:
    for entry in ct.catalog.values():
        page = shown(show(entry))
        assert entry.id in page
        assert entry.name("en") in page
        assert "None" not in page


def test_search_result_shows_how_many() -> None:
    entries = ct.Entries(ct.catalog.values())
    page = shown(entries._repr_html_())
    assert f"{len(entries):,} events; the first 100" in page
    assert "0 events" in shown(ct.catalog.search("zzzzzz")._repr_html_())
