"""RFC 9457 problem answers, in the client's language, with both languages beside it.

The first language is Chinese unless Accept-Language prefers English. Members beyond the RFC: `remedy` (what to do),
`messages` (both languages), `request` (the request's id, to name it to the operator), `parameter`, `errors`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from api.errors import ApiProblem, BadParameter, ErrorText, NotAllowed, NotFound, Unavailable
from api.web.types import Model, example
from chain_node.errors import NodeError

TYPE_PREFIX = "urn:luya:problem:"
MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("api")


class ProblemMessages(Model):
    """Title, detail and remedy in one language."""

    title: str
    detail: str
    remedy: str


class ProblemParameter(Model):
    """A parameter that was refused, and why."""

    parameter: str
    reason: str


class ProblemDocument(Model):
    """RFC 9457 problem details. `parameter`, `errors`: of a bad parameter only."""

    model_config = example(
        {
            "type": "urn:luya:problem:not-found",
            "title": "未找到",
            "status": 404,
            "detail": "日志中没有编号为 7 的条目",
            "instance": "/v1/entries/7",
            "remedy": "请核对所请求的编号或地址",
            "request": "5f0c6a1e9b3d4c27",
            "messages": {
                "zh": {"title": "未找到", "detail": "日志中没有编号为 7 的条目", "remedy": "请核对所请求的编号或地址"},
                "en": {
                    "title": "Not found",
                    "detail": "the log has no entry 7",
                    "remedy": "Check the number or address you asked for",
                },
            },
        }
    )
    type: str
    title: str
    status: int
    detail: str
    instance: str
    remedy: str
    request: str
    messages: dict[Literal["zh", "en"], ProblemMessages]
    parameter: str | None = None
    errors: list[ProblemParameter] | None = None


def prefers_english(header: str | None) -> bool:
    """Does Accept-Language rank English above Chinese?"""
    best = {"zh": 0.0, "en": 0.0}
    for part in (header or "").split(",")[:20]:
        name, _, weight = part.strip().partition(";")
        tag = name.strip().lower()[:2]
        if tag in best:
            try:
                quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
            except ValueError:
                quality = 0.0
            best[tag] = max(best[tag], quality)
    return best["en"] > best["zh"]


def answer(request: Request, problem: ApiProblem) -> Response:
    """The problem as a response."""
    texts = {
        language: {
            "title": getattr(problem.title, language),
            "detail": getattr(problem.detail, language),
            "remedy": getattr(problem.advice, language),
        }
        for language in ("zh", "en")
    }
    language = "en" if prefers_english(request.headers.get("accept-language")) else "zh"
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.slug,
        "status": problem.status,
        "instance": request.url.path,
        "request": getattr(request.state, "request_id", ""),
        **texts[language],
        "messages": texts,
        **problem.extra,
    }
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": "en" if language == "en" else "zh-CN",
        "Vary": "Accept-Language",
        **problem.headers,
    }
    return Response(
        json.dumps(body, ensure_ascii=False), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
    )


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiProblem)
    return answer(request, error)


async def _on_validation(request: Request, error: Exception) -> Response:
    """FastAPI's own check of path and query parameters."""
    assert isinstance(error, RequestValidationError)
    # loc is ("query" or "path", name, position in a list …)
    found = [
        {"parameter": str(item["loc"][min(1, len(item["loc"]) - 1)]), "reason": item["msg"]} for item in error.errors()
    ]
    first = found[0]["parameter"] if found else "request"
    problem = BadParameter(first, ErrorText(f"参数 {first} 的值不符合要求", f"the value of {first} is not allowed"))
    problem.extra["errors"] = found
    return answer(request, problem)


async def _on_http(request: Request, error: Exception) -> Response:
    """Starlette's: unknown address, wrong method."""
    assert isinstance(error, HTTPException)
    problem: ApiProblem
    if error.status_code == 405:
        problem = NotAllowed(ErrorText("此地址不支持该请求方法", "this address does not take that method"))
        problem.headers = dict(error.headers or {})
    else:
        problem = NotFound(ErrorText("没有这个地址", "there is no such address"))
    return answer(request, problem)


async def _on_node(request: Request, error: Exception) -> Response:
    """The archive's files cannot be read."""
    _log.error("archive", problem=type(error).__name__, text=str(error))
    return answer(request, Unavailable(ErrorText("账本归档暂时无法读取", "the archive cannot be read just now")))


async def _on_database(request: Request, error: Exception) -> Response:
    """The database does not answer. Its message may hold parameters, so only its kind is logged."""
    _log.error("database", problem=type(error).__name__)
    return answer(request, Unavailable(ErrorText("数据库暂时没有响应", "the database does not answer just now")))


async def _on_unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: nothing of it is told but the request's id."""
    identifier = getattr(request.state, "request_id", "")
    return answer(request, ApiProblem(ErrorText(f"请求编号 {identifier}", f"request {identifier}")))


def install(app: FastAPI) -> None:
    """Answer every error as a problem."""
    app.add_exception_handler(ApiProblem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(NodeError, _on_node)
    app.add_exception_handler(DBAPIError, _on_database)
    app.add_exception_handler(PoolTimeout, _on_database)
    app.add_exception_handler(Exception, _on_unexpected)
