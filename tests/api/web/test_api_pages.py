"""`/` and `/docs`: to be read in a browser that reaches nothing but this server."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from api_world import World


class Page(HTMLParser):
    """What a page loads, where it leads, and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "link", "img", "iframe", "object", "source") or "src" in given:
            self.loads.append(tag)
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_needs_no_other_server(world: World, path: str) -> None:
    client = world.client()
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = Page(answer.text)
    assert page.loads == []
    assert page.open == [], "every element is closed"
    assert "//" not in answer.text, "no address of another server"
    assert "只读接口" in page.text
    assert "Read-only access" in page.text
    assert len(page.links) >= 5
    for link in page.links:
        assert client.get(link).status_code == 200, link


def test_the_docs_name_everything_that_can_be_asked(world: World) -> None:
    client = world.client()
    text = Page(client.get("/docs").text).text
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        operation = operations["get"]
        assert f"GET {path}" in text
        assert operation["summary"] in text
        for parameter in operation.get("parameters", []):
            assert parameter["name"] in text
            assert parameter.get("description", "") in text
        for status in operation["responses"]:
            assert status in text
    assert "reduction | refusal" in text
