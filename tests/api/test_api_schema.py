"""Schemathesis holds every endpoint against the OpenAPI document: statuses, media types, bodies, headers.

Bounded and the same at every run: derandomised, so many examples an endpoint, no network.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from api_ledger import person
from api_loop import TREES, grove, shop
from api_world import World
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.projection import outcomes
from api.projection.outcomes import ReportedRow
from api.web.problems import ProblemDocument

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        negative_data_rejection,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
OPEN = partial(replace, public_rate=0, token_rate=0)
"""Nobody is limited: a limit's answer is tried elsewhere."""
EXAMPLES = 25
BOUNDS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
PATHS = [
    "/healthz",
    "/v1/accounts/{address}",
    "/v1/accounts/{address}/controller",
    "/v1/accounts/{address}/entries",
    "/v1/accounts/{address}/pledges",
    "/v1/accounts/{address}/pledges/{index}/trail",
    "/v1/accounts/{address}/statement",
    "/v1/certificates/{serial}",
    "/v1/checkpoint",
    "/v1/consistency",
    "/v1/entries/{index}",
    "/v1/entries/{index}/bundle",
    "/v1/feeds",
    "/v1/feeds/{id}",
    "/v1/items",
    "/v1/methods",
    "/v1/methods/{id}",
    "/v1/orders",
    "/v1/orders/{index}",
    "/v1/projects",
    "/v1/projects/{project}",
    "/v1/projects/{project}/deliveries/{index}",
    "/v1/proof/{leaf_hash}",
    "/v1/records",
    "/v1/totals",
]
NOTHING_ASKED = ("/healthz", "/v1/checkpoint", "/v1/feeds", "/v1/methods", "/v1/totals")
CASES = [(path, GenerationMode.POSITIVE) for path in PATHS]
CASES += [(path, GenerationMode.NEGATIVE) for path in PATHS if path not in NOTHING_ASKED]


@pytest.fixture(autouse=True)
def _acts(world: World) -> None:
    grove(world.ledger)
    shop(world.ledger)
    world.project()


def test_every_path_is_tried(world: World) -> None:
    assert sorted(world.client().get("/openapi.json").json()["paths"]) == PATHS


@pytest.mark.filterwarnings("ignore")  # schemathesis' own
@pytest.mark.parametrize(("path", "mode"), CASES, ids=lambda one: getattr(one, "value", one))
def test_an_endpoint_is_what_its_document_says(world: World, path: str, mode: GenerationMode) -> None:
    """Positive: values that the document allows, half of them of things that exist. Negative: what it forbids."""
    outcomes.take(world.engine, [ReportedRow(1, "a.csv", 1, "k1", "final", account=person(1), sequence=0)])
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(OPEN(world.settings)))
    operation = schema[path]["GET"]
    token, there = world.token("auditor"), known(world, path)

    @BOUNDS
    @given(case=operation.as_strategy(generation_mode=mode), who=st.sampled_from([token, None]), exists=st.booleans())
    def try_it(case: Any, who: str | None, exists: bool) -> None:
        if exists and mode is GenerationMode.POSITIVE:
            case.path_parameters = {name: there[name] for name in case.path_parameters or {}}
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        case.call_and_validate(headers=headers, checks=CHECKS)

    try_it()


def known(world: World, path: str) -> dict[str, str]:
    """Path parameters of what exists."""
    rides = world.ledger.marks["rides"]
    about = {"deliveries": "planted", "orders": "open", "{index}": "mine" if "trail" in path else "rides"}
    return {
        "address": "0x" + person(1).hex(),
        "index": str(world.ledger.marks[about.get(path.split("/")[-2], "rides")]),
        "project": str(TREES),
        "serial": str(rides),
        "id": "1" if "feeds" in path else "101",
        "leaf_hash": world.reader.leaf_hash(rides).hex(),
    }


@pytest.mark.parametrize("path", [*PATHS, "/metrics", "/openapi.json", "/docs", "/"])
def test_head_is_get_without_its_body(world: World, path: str) -> None:
    client = world.client()
    address = path.format(**known(world, path))
    whole, head = client.request("GET", address), client.request("HEAD", address)
    assert head.status_code == whole.status_code
    assert head.content == b""
    kept = {"content-type", "etag", "cache-control", "vary", "content-language", "location"} & set(whole.headers)
    assert {name: head.headers[name] for name in kept} == {name: whole.headers[name] for name in kept}


def test_a_bad_parameter_is_a_problem_as_declared(world: World) -> None:
    client = world.client()
    document = client.get("/openapi.json").json()
    responses = [operation["get"]["responses"] for operation in document["paths"].values()]
    assert all("400" in declared and "422" not in declared for declared in responses)
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    problem = ProblemDocument.model_validate(client.get("/v1/consistency?from=x").json())
    assert (problem.status, problem.parameter) == (400, "from")
    assert problem.errors
    assert problem.errors[0].parameter == "from"
