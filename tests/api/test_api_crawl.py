"""A crawler of everything public reconstructs nobody's timeline.

It reads the OpenAPI document, visits every address with every value it can find in any answer (or guess: small numbers,
all hashes it has seen), until nothing new turns up. Then no answer holds an account, an identity, an evidence hash or a
reduction's bytes in any common spelling; and every address that would tell more is closed to it.
"""

from __future__ import annotations

import base64
import itertools
import re
from typing import Any

from api_ledger import person
from api_loop import CODE, grove, shop
from api_world import Client, World

from api.projection import outcomes
from api.projection.outcomes import ReportedRow
from chain_node.protocol import entries

_HEX = re.compile(r"\b(?:0x)?[0-9a-f]{40,64}\b")
_INDEX = re.compile(r'"index":[0-9]+')
_PLACE = re.compile(r"\{(\w+)\}")


def _values(name: str, schema: dict[str, Any], seen: set[str]) -> list[str]:
    """What a stranger tries for a parameter."""
    if name == "project":
        return [str(number) for number in range(5)]
    if schema.get("type") == "integer" or any(one.get("type") == "integer" for one in schema.get("anyOf", [])):
        told = [value.split(":")[1] for value in sorted(seen) if _INDEX.fullmatch(value)] if name == "index" else []
        return [*told, *(str(number) for number in (*range(50), 101, 102, 201))]
    hashes = sorted(value for value in seen if len(value.removeprefix("0x")) == 64)
    addresses = sorted(value for value in seen if len(value.removeprefix("0x")) == 40)
    return {"leaf_hash": hashes, "address": addresses or ["0x" + "11" * 20]}.get(name, ["a.csv:1", "k1"])


def _urls(document: dict[str, Any], seen: set[str]) -> list[str]:
    urls = []
    for path, operations in document["paths"].items():
        parameters = operations["get"].get("parameters", [])
        chosen = [one for one in parameters if one["in"] == "path" or one["required"]]
        tried = [_values(one["name"], one["schema"], seen) for one in chosen]
        for values in itertools.islice(itertools.product(*tried), 3000):
            given = dict(zip([one["name"] for one in chosen], values, strict=True))
            url = _PLACE.sub(lambda match, given=given: given[match[1]], path)  # type: ignore[misc]  # bound per loop
            query = "&".join(f"{one['name']}={given[one['name']]}" for one in chosen if one["in"] == "query")
            urls.append(f"{url}?{query}" if query else url)
    return urls


def crawl(client: Client) -> dict[str, str]:
    """Every public answer, by address."""
    document = client.get("/openapi.json").json()
    seen: set[str] = set()
    answers = {url: client.get(url).text for url in ("/openapi.json", "/metrics", "/docs")}
    while True:
        new = [url for url in _urls(document, seen) if url not in answers]
        if not new:
            return answers
        for url in new:
            answer = client.get(url)
            assert answer.status_code in (200, 400, 401, 404), (url, answer.status_code)
            answers[url] = answer.text if answer.status_code != 401 else ""
            seen |= {*_HEX.findall(answers[url]), *_INDEX.findall(answers[url])}


def _spellings(secret: bytes) -> set[str]:
    """How 20 or 32 bytes might stand in an answer: hex, decimal, and base64 at each of the three alignments."""
    found = {secret.hex(), str(int.from_bytes(secret, "big"))}
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret).decode()
        found.add(encoded[4 * (shift > 0) + (shift > 0) : -4])
    return found


def test_no_timeline_can_be_reconstructed(world: World) -> None:
    outcomes.take(world.engine, [ReportedRow(1, "a.csv", 1, "k1", "final", account=person(1), sequence=0)])
    marks = grove(world.ledger)
    shop(world.ledger)
    world.project()
    client = world.client()
    answers = crawl(client)
    everything = "\n".join(answers.values()).lower()
    assert len(answers) > 200
    assert sum(bool(text) for text in answers.values()) > 100
    # it has found the delivery, and not whose units were delivered
    assert f"/v1/projects/1/deliveries/{marks['planted']}" in answers
    assert "/v1/items" in answers
    secrets: list[bytes] = [CODE]
    for body in world.ledger.bodies:
        entry = entries.decode(body)
        if isinstance(entry, entries.Reduction):
            secrets += [entry.record.account, entry.record.evidence, body[21:41]]
        elif isinstance(entry, entries.Account):
            secrets += [entry.account, entry.nullifier]
        elif isinstance(entry, entries.Act):
            secrets += entry.accounts()
    for secret in secrets:
        for text in _spellings(secret):
            assert text.lower() not in everything
    for word in ('"account"', '"sequence"', '"slot"', '"evidence"', '"nullifier"', '"entry"'):
        bodies = [text for url, text in answers.items() if url not in ("/openapi.json", "/docs")]
        assert not any(word in text for text in bodies), word


def test_every_address_is_either_public_by_design_or_closed(world: World) -> None:
    client = world.client()
    document = client.get("/openapi.json").json()
    public = {path for path, operation in document["paths"].items() if not operation["get"].get("security")}
    assert public == {
        "/healthz",
        "/v1/certificates/{serial}",
        "/v1/checkpoint",
        "/v1/totals",
        "/v1/methods",
        "/v1/methods/{id}",
        "/v1/feeds",
        "/v1/feeds/{id}",
        "/v1/items",
        "/v1/projects",
        "/v1/projects/{project}",
        "/v1/projects/{project}/deliveries/{index}",
        "/v1/proof/{leaf_hash}",
        "/v1/consistency",
    }
    assert {method for operation in document["paths"].values() for method in operation} == {"get"}
    closed = set(document["paths"]) - public
    for path in closed:
        url = _PLACE.sub(lambda match: {"address": "0x" + person(1).hex()}.get(match[1], "40"), path)
        assert client.get(f"{url}?feed=1&row=k1&account=0x{person(1).hex()}").status_code == 401, path
