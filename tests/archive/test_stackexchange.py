"""Stack Exchange data dumps become archives: what becomes of what, and what is said of odd rows.

The dump here is made by hand.
"""

import json
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest

from forum.errors import ForumError
from forum.stackexchange.main import convert, report_of

from . import small_forum
from .conftest import Store

BOM = "\ufeff"
DAY = "2020-01-0{}T10:00:00.{}00"


def row(**values: Any) -> str:
    """A row of a dump's file."""
    attributes = "".join(
        f' {name}="{escape(str(value)).replace(chr(10), "&#xA;").replace(chr(13), "&#xD;")}"'
        for name, value in values.items()
    )
    return f"  <row{attributes} />\n"


def document(root: str, *rows: str, head: str = "") -> str:
    """A file of a dump as Stack Exchange writes it, a byte-order mark and a DOCTYPE included."""
    declaration = '<?xml version="1.0" encoding="utf-8"?>'
    doctype = f"<!DOCTYPE {root} SYSTEM '{root}.dtd'{head}>"
    return f"{BOM}{declaration}\n{doctype}\n<{root}>\n{''.join(rows)}</{root}>\n"


USERS = document(
    "users",
    row(Id=-1, CreationDate=DAY.format(1, 1), DisplayName="Community"),
    row(Id=2, CreationDate=DAY.format(1, 1), DisplayName="Ada", AboutMe="<p>I <b>weave</b>.</p>",
        ProfileImageUrl="https://example.org/a.png"),
    row(Id=3, CreationDate=DAY.format(1, 2), DisplayName="ada"),
    row(Id=9, CreationDate=DAY.format(1, 3), DisplayName="Żółw & syn", ProfileImageUrl="/me.png"),
    row(Id=12, CreationDate=DAY.format(1, 4), DisplayName="Кот"),
    row(Id=12, CreationDate=DAY.format(1, 4), DisplayName="again"),
    row(Id="x", CreationDate=DAY.format(1, 4), DisplayName="no number"),
    row(Id=13, CreationDate="yesterday"),
    row(Id=14, CreationDate=DAY.format(1, 5), DisplayName="deleted-3", AboutMe="x" * 2001),
    row(Id=15, CreationDate=DAY.format(1, 5), DisplayName="Deleted"),
    row(Id=16, CreationDate=DAY.format(1, 5), DisplayName="Deleted"),
    "  <thing />\n",
)  # fmt: skip
POSTS = document(
    "posts",
    row(Id=1, PostTypeId=1, CreationDate=DAY.format(2, 1), OwnerUserId=2, Title="First  things\n",
        Tags="<looms><c++><.net><a><b><d>", Body="<p>Which <em>loom</em>?</p>\n<pre><code>a *b*\n"
        "</code></pre>", LastEditDate=DAY.format(4, 1)),
    row(Id=4, PostTypeId=2, ParentId=1, CreationDate=DAY.format(2, 5), OwnerUserId=-1,
        Body="<p>1. not a list, *not* emphasis, a_b_c, [not](a link)</p>"),
    row(Id=3, PostTypeId=2, ParentId=1, CreationDate=DAY.format(2, 3), OwnerDisplayName="gone",
        Body="<ul><li>one</li><li>two</li></ul>"),
    row(Id=5, PostTypeId=1, CreationDate=DAY.format(3, 1), OwnerUserId=77, Title="",
        Tags="|looms|", Body="<p>No title \x7f here</p>"),
    row(Id=6, PostTypeId=1, CreationDate="soon", Title="Hi", Body="<p> </p>"),
    row(Id=7, PostTypeId=2, ParentId=999, CreationDate=DAY.format(3, 2), OwnerUserId=2, Body="x"),
    row(Id=8, PostTypeId=5, CreationDate=DAY.format(3, 2), OwnerUserId=2, Body="a wiki"),
    row(Id=10, PostTypeId=2, ParentId=5, CreationDate=DAY.format(3, 3), OwnerUserId=2,
        Body="<p>" + "long " * 7000 + "</p>"),
    row(Id=10, PostTypeId=2, ParentId=5, CreationDate=DAY.format(3, 3), OwnerUserId=2, Body="x"),
    row(PostTypeId=1, CreationDate=DAY.format(3, 3), Title="No Id", Body="x"),
    row(Id=11, CreationDate=DAY.format(3, 3), Title="No type", Body="x"),
    row(Id=20, PostTypeId=2, ParentId=5, CreationDate=DAY.format(3, 4), OwnerUserId=2,
        Body="<div>" * 3000 + "deep" + "</div>" * 3000),
)  # fmt: skip
COMMENTS = document(
    "comments",
    row(Id=1, PostId=1, CreationDate=DAY.format(2, 4), UserId=3, Text="See [this](http://a.b) <b>"),
    row(Id=2, PostId=3, CreationDate=DAY.format(2, 4), UserDisplayName="gone", Text="Thanks"),
    # Before the answer under which it stands: answers move between sites.
    row(Id=3, PostId=4, CreationDate="2020-01-02T10:00:00", UserId=2, Text="Early\r\nbird"),
    row(Id=4, PostId=8, CreationDate=DAY.format(2, 4), UserId=2, Text="Under a wiki"),
    row(Id=5, PostId=7, CreationDate=DAY.format(2, 4), UserId=2, Text="Under a lost answer"),
    row(Id=6, CreationDate=DAY.format(2, 4), UserId=2, Text="Under nothing"),
)  # fmt: skip


def write_dump(folder: Path, **files: str) -> Path:
    """A dump with these files."""
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name.title()}.xml").write_text(text, encoding="utf-8", newline="")
    return folder


def lines(archive: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a file of an archive."""
    with (archive / f"{name}.ndjson").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """The dump made by hand."""
    return write_dump(tmp_path / "dump", users=USERS, posts=POSTS, comments=COMMENTS)


@pytest.fixture
def archive(dump: Path, tmp_path: Path) -> Path:
    """What becomes of it."""
    convert(dump, tmp_path / "archive")
    return tmp_path / "archive"


def test_people_keep_their_ids_and_get_names_of_their_own(archive: Path) -> None:
    people = {row["id"]: row for row in lines(archive, "users")}
    assert {number: person["username"] for number, person in people.items()} == {
        2: "Ada", 3: "ada-3", 9: "Zow-syn", 12: "user-12", 13: "user13", 14: "deleted-3-14",
        15: "Deleted", 16: "Deleted-16x", 77: "user77", 78: "Community", 79: "gone", 80: "unknown",
    }  # fmt: skip
    assert people[9]["display_name"] == "Żółw & syn"
    assert people[2]["bio"] == "I **weave**."
    assert people[2]["avatar_url"] == "https://example.org/a.png"
    assert people[9]["avatar_url"] is None
    assert len(people[14]["bio"]) == 2000
    assert people[13]["created_at"] == people[12]["created_at"] == "2020-01-01T10:00:00.400000Z"


def test_questions_become_topics(archive: Path) -> None:
    first, second, third = lines(archive, "topics")
    assert (first["id"], first["title"], first["slug"]) == (1, "First things", "first-things")
    assert first["body"] == "Which *loom*?\n\n```\na *b*\n```"
    assert first["tags"] == ["looms", "c-plus-plus", "net", "a", "b"]
    assert first["author_id"] == 2
    assert first["created_at"] == "2020-01-02T10:00:00.100000Z"
    assert first["updated_at"] == "2020-01-04T10:00:00.100000Z"
    assert (second["title"], second["author_id"], second["tags"]) == (
        "No title here",
        77,
        ["looms"],
    )
    assert (third["title"], third["body"], third["author_id"]) == ("Hi (6)", "(no text)", 80)
    assert third["created_at"] == "2020-01-03T10:00:00.100000Z"


def test_answers_and_comments_become_messages_in_order_of_time(archive: Path) -> None:
    messages = lines(archive, "messages")
    assert [row["id"] for row in messages] == list(range(1, len(messages) + 1))
    in_first = [row for row in messages if row["topic_id"] == 1]
    assert [row["position"] for row in in_first] == [1, 2, 3, 4, 5]
    early, answer, comment, thanks, late = in_first
    assert early["body"] == "Early\nbird"
    assert early["reply_to"] == late["id"]
    assert answer["body"] == "- one\n- two"
    assert answer["author_id"] == 79
    assert (comment["body"], comment["reply_to"]) == ("See [this](http://a.b) <b>", None)
    assert (thanks["reply_to"], thanks["author_id"]) == (answer["id"], 79)
    assert late["body"] == "1\\. not a list, \\*not\\* emphasis, a_b_c, \\[not\\](a link)"
    assert late["author_id"] == 78
    long, deep = (row["body"] for row in messages if row["topic_id"] == 5)
    assert len(long) <= 32_000
    assert long.endswith("long…")
    assert deep.startswith("<div><div>")


def test_odd_rows_are_counted_and_listed(dump: Path, tmp_path: Path) -> None:
    summary = convert(dump, tmp_path / "archive")
    left_out, changed = summary.split("Left out:")[1].split("Changed:")
    assert left_out.startswith(" 11 rows\n")
    counted = {
        reason: int(count)
        for count, reason in re.findall(r"^ {2,10}(\d+)  (.+)$", left_out, re.MULTILINE)
    }
    assert counted == {
        "its Id was there before": 2,
        "no Id that is a number": 3,
        "post type 5: no part of a forum": 1,
        "post type (none): no part of a forum": 1,
        "answer to a question that is not in the archive": 1,
        "comment under a post that is not in the archive": 3,
    }
    for reason in (
        "owner not in Users.xml: an account was made",
        "owner deleted: given to an account of the name that is left",
        "owner unknown: given to the account 'unknown'",
        "no title: the first words of the text in its place",
        "title shorter than 3 characters: its Id added",
        "no text: '(no text)' in its place",
        "longer than 32,000 characters: cut",
        "nested too deep: kept as the HTML that it is",
        "more than 5 tags: the first 5 kept",
        "tag spelled anew in a-z 0-9 -, or left out",
        "CreationDate cannot be read: that of the row before it",
        "about me is longer than 2,000: cut",
        "control characters left out",
        "picture left out: no web address of 500 characters",
        "no display name: user and the Id in its place",
    ):
        assert reason in changed
    report = report_of(tmp_path / "archive").read_text(encoding="utf-8")
    assert report.startswith(summary)
    assert "Posts.xml, line 10, Id 8\tleft out\tpost type 5: no part of a forum" in report
    assert report.count("\tleft out\t") == 11


def test_the_archive_loads_and_comes_out_the_same(
    archive: Path, store: Store, tmp_path: Path
) -> None:
    store.load(archive)
    assert small_forum.read(store.dump(tmp_path / "out")) == small_forum.read(archive)


def test_the_same_dump_gives_the_same_bytes(dump: Path, archive: Path, tmp_path: Path) -> None:
    convert(dump, tmp_path / "again")
    assert small_forum.read(tmp_path / "again") == small_forum.read(archive)
    assert report_of(tmp_path / "again").read_bytes() == report_of(archive).read_bytes()


def test_users_and_comments_may_be_missing(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    convert(write_dump(tmp_path / "dump", posts=POSTS), archive)
    assert {row["id"]: row["username"] for row in lines(archive, "users")} == {
        2: "user2", 77: "user77", 78: "Community", 79: "gone", 80: "unknown",
    }  # fmt: skip
    assert len(lines(archive, "messages")) == 4


def test_an_empty_dump_is_an_archive(tmp_path: Path, store: Store) -> None:
    convert(write_dump(tmp_path / "dump", posts=document("posts")), tmp_path / "archive")
    store.load(tmp_path / "archive")
    assert small_forum.read(store.dump(tmp_path / "out")) == small_forum.read(tmp_path / "archive")


def no_posts(dump: Path) -> None:
    (dump / "Posts.xml").unlink()


def replaced(text: str) -> Callable[[Path], None]:
    def damage(dump: Path) -> None:
        (dump / "Posts.xml").write_text(text, encoding="utf-8")

    return damage


BOMB = """ [
<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
]"""
OUTSIDE = """ [ <!ENTITY passwords SYSTEM "file:///etc/passwd"> ]"""


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (no_posts, r"has no Posts\.xml\. Unpack the dump"),
        (replaced(document("posts", head=BOMB)), r"Posts\.xml, line 3: .* an entity \('a'\)"),
        (replaced(document("posts", head=OUTSIDE)), r"declares an entity \('passwords'\)"),
        (replaced(USERS), r"Posts\.xml begins with <users>, not with <posts>"),
        (replaced(POSTS[:-30]), r"Posts\.xml, line \d+, column \d+: not well-formed XML"),
        (replaced("7z\xbc\xaf"), r"Posts\.xml, line 1, column \d+: not well-formed XML"),
        (replaced(""), r"Posts\.xml, line 1, column 0: not well-formed XML \(no element found\)"),
    ],
)  # fmt: skip
def test_a_broken_dump_is_an_error_that_writes_nothing(
    dump: Path, tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    damage(dump)
    with pytest.raises(ForumError, match=says):
        convert(dump, tmp_path / "archive")
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]


def test_a_folder_that_is_not_empty_is_left_alone(dump: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "mine").touch()
    with pytest.raises(ForumError, match="exists and is not empty"):
        convert(dump, tmp_path / "archive")
