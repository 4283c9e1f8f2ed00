"""Two pages that a browser shows without any other server: `/` leads on, `/docs` is the OpenAPI document to read.

No script and nothing from elsewhere: a node may stand where there is no way out to the internet.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; } code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre { overflow-x: auto; padding: 0.8rem; border: 1px solid; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; border-top: 1px solid; padding: 0.3rem 0.8rem 0.3rem 0; }
"""
_LINKS: Final = (
    ("/docs", "接口文档", "what can be asked, and how"),
    ("/openapi.json", "OpenAPI 文档", "the same for programs"),
    ("/v1/checkpoint", "最新检查点", "the newest signed checkpoint"),
    ("/v1/totals", "总量", "the ledger's totals"),
    ("/healthz", "服务状态", "is this server well"),
)


def install(app: FastAPI) -> None:
    """Serves both pages."""

    @app.get("/", include_in_schema=False)
    async def front() -> HTMLResponse:
        return _answer(app.title, [f"<h1>{escape(app.title)}</h1>", *_paragraphs(app.description), _links()])

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        document = app.openapi()
        parts = [f"<h1>{escape(app.title)} · 接口文档 API</h1>", *_paragraphs(app.description), _links()]
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                parts += _operation(path, method, operation, document["components"]["schemas"])
        return _answer(f"{app.title} API", parts)


def _answer(title: str, parts: list[str]) -> HTMLResponse:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    page = f'<!doctype html><html lang="zh-CN"><head>{head}<style>{_STYLE}</style></head>'
    return HTMLResponse(f"{page}<body>{''.join(parts)}</body></html>", headers=_HEADERS)


def _links() -> str:
    items = [f'<li><a href="{path}">{path}</a> {zh} <span lang="en">{en}</span></li>' for path, zh, en in _LINKS]
    return f"<ul>{''.join(items)}</ul>"


def _paragraphs(text: str) -> list[str]:
    return [f"<p>{escape(part)}</p>" for part in text.strip().split("\n\n")]


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    name = f"{method.upper()} {path}"
    who = "需要令牌 by token" if operation.get("security") else "公开 public"
    parts = [f'<h2 id="{escape(path)}"><code>{escape(name)}</code></h2>']
    parts += [f"<p><strong>{escape(operation['summary'])}</strong> ({who})</p>"]
    parts += _paragraphs(operation.get("description", ""))
    rows = [_parameter(one) for one in operation.get("parameters", [])]
    if rows:
        parts.append(f"<table><tr><th>参数 parameter</th><th>取值 value</th><th></th></tr>{''.join(rows)}</table>")
    answers = [(code, one.get("description", "")) for code, one in sorted(operation["responses"].items())]
    parts.append("<table><tr><th>状态 status</th><th></th></tr>")
    parts += [f"<tr><td>{escape(code)}</td><td>{escape(said)}</td></tr>" for code, said in answers]
    parts.append("</table>")
    content = operation["responses"]["200"].get("content", {}).get("application/json", {})
    reference = content.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
    for example in schemas.get(reference, {}).get("examples", [])[:1]:
        parts.append(f"<pre>{escape(json.dumps(example, ensure_ascii=False, indent=2))}</pre>")
    return parts


def _parameter(one: dict[str, Any]) -> str:
    schema = one["schema"]
    kinds = [schema, *schema.get("anyOf", [])]
    said = [str(kind.get("format") or kind["type"]) for kind in kinds if kind.get("type", "null") != "null"]
    for kind in kinds:
        said += [" | ".join(map(str, kind.get("enum") or kind.get("items", {}).get("enum", [])))]
        said += [f"{word} {kind[key]}" for key, word in (("minimum", "≥"), ("maximum", "≤")) if key in kind]
    if "default" in schema:
        said.append(f"默认 default {schema['default']}")
    value = ", ".join(part for part in said if part)
    needed = "必填 required" if one["required"] else ""
    text = " ".join(part for part in (needed, one.get("description", "")) if part)
    return f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(value)}</td><td>{escape(text)}</td></tr>"
