"""Markdown: what is written shows, and nothing that is written runs."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from .client import Person
from .conftest import MakePerson

SAFE_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("img", "li", "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr"),
    "ul",
}
SAFE_ATTRIBUTES = {"alt", "class", "href", "rel", "src", "start", "title"}
SAFE_SCHEMES = {"", "http", "https", "mailto"}

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    '<img """><script>alert(1)</script>">',
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=//evil.example/x.swf>",
    "<form action=javascript:alert(1)><input type=submit></form>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css'</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<a href='javascript:alert(1)'>x</a>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#x0A;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x20javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](file:///etc/passwd)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    '![x](https://a.example/x.png "title\\" onerror=\\"alert(1)")',
    '![a" onerror="alert(1)](https://a.example/x.png)',
    '[x](https://a.example/"onmouseover="alert(1))',
    '[x](<https://a.example/" onmouseover="alert(1)>)',
    "<javascript:alert(1)>",
    "<https://a.example/\"onmouseover='alert(1)'>",
    "[x]: javascript:alert(1)\n\n[x]",
    '[x][y]\n\n[y]: https://a.example "a" onclick=alert(1)',
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\ntext\n```',
    '``` x" onmouseover="alert(1)\ntext\n```',
    "    <script>alert(1)</script>",
    "**<script>**alert(1)**</script>**",
    "> <script>\n> alert(1)\n> </script>",
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<b><i></b></i><script",
    "</p></div></body></html><script>alert(1)</script>",
    "<a href=\"https://a.example\" onclick='alert(1)'>x",
    "\u2028<script>alert(1)</script>\u2029",
    "<img src=`x` onerror=`alert(1)`>",
    "<x onclick=alert(1)>click</x>",
    "<textarea><script>alert(1)</script></textarea>",
    "<xmp><script>alert(1)</script></xmp>",
    "<template><script>alert(1)</script></template>",
]


# How many of them one person writes in one test: less than the limit of writes.
AT_ONCE = 15


class Inspector(HTMLParser):
    """Collects whatever in HTML is not known to be harmless."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in SAFE_TAGS:
            self.active.append(f"<{tag}>")
        for name, value in attrs:
            if name not in SAFE_ATTRIBUTES:
                self.active.append(f"{name} on <{tag}>")
            # A browser drops white space and control characters before it reads the scheme.
            link = re.sub(r"[\x00-\x20\x7f]", "", value or "")
            if name in ("href", "src") and urlsplit(link).scheme not in SAFE_SCHEMES:
                self.active.append(f"{name}={value}")

    def handle_comment(self, data: str) -> None:
        self.active.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.active.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self.active.append(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self.active.append(f"<![{data}]>")


def active(html: str) -> list[str]:
    """What in this HTML could run, or is not known to be unable to."""
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector.active


def test_the_inspector_sees_what_is_active() -> None:
    assert active("<p>fine <a href='https://a.example'>x</a></p>") == []
    for html in ("<script>", "<p onclick='x'>", "<a href='java\nscript:x'>", "<!-- x -->"):
        assert active(html), html


@pytest.mark.parametrize("first", range(0, len(HOSTILE), AT_ONCE))
def test_nothing_that_is_written_runs(newcomer: MakePerson, first: int) -> None:
    writer = newcomer()
    for text in HOSTILE[first : first + AT_ONCE]:
        topic = writer.open_topic(title="Hostile <script>alert(1)</script>", body=text)
        assert topic["title"] == "Hostile <script>alert(1)</script>"
        message = writer.answer(topic, text)
        for thing in (topic, message):
            assert thing["body"] == text
            assert active(thing["body_html"]) == [], text
        edited = writer.change(f"/api/messages/{message['id']}", body=f"{text}\n\nEdited").json()
        assert active(edited["body_html"]) == [], text


SHOWN = {
    "**bold** and *slanted*": "<strong>bold</strong> and <em>slanted</em>",
    "`code`": "<code>code</code>",
    "# Heading": "<h1>Heading</h1>",
    "> quoted": "<blockquote>",
    "- one\n- two": "<li>one</li>",
    "1 < 2 & 3": "1 &lt; 2 &amp; 3",
    "<b>not bold</b>": "&lt;b&gt;not bold&lt;/b&gt;",
    "[a link](https://a.example/)": 'href="https://a.example/"',
    "```python\nprint()\n```": "print()",
}


def test_markdown_shows(alice: Person) -> None:
    for text, html in SHOWN.items():
        assert html in alice.open_topic(body=text)["body_html"]


def test_links_vouch_for_nobody(alice: Person) -> None:
    html = alice.open_topic(body="[a link](https://a.example/)")["body_html"]
    found = re.search(r'rel="([^"]*)"', html)
    assert found is not None
    assert "nofollow" in found[1].split() or "noopener" in found[1].split()


@pytest.mark.parametrize(
    "text",
    [
        *("*" * 32_000, "[" * 32_000, "> " * 16_000, "`" * 31_999, "![](" * 8_000),
        # These take PostgreSQL's text search minutes, where they reach it as they are.
        *("a_" * 16_000, "~/" * 16_000, "./" * 16_000),
    ],
)
def test_text_that_is_hard_to_parse_is_taken_in_good_time(alice: Person, text: str) -> None:
    topic = alice.open_topic(body=text)
    message = alice.answer(topic, text)
    assert active(topic["body_html"]) == active(message["body_html"]) == []
