"""Who asks, and whether they asked too often: the two dependencies that every endpoint has one of. And whose account
it is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from api.errors import ErrorText, Forbidden, NotFound, Unauthorised
from api.tokens.verifier import Principal
from api.web.context import Ctx
from api.web.limits import client_key
from api.web.problems import ProblemDocument

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="访问令牌，由运营方以 `luya token create` 发放。"
    " A token issued by the operator with `luya token create`."
    " Scopes: `account:<address>`, `feed:<id>`, `auditor`, `operator`.",
)


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


PUBLIC_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _problem("A parameter has no meaning here"),
    404: _problem("There is no such thing"),
    429: _problem("Too many requests: see Retry-After"),
    503: _problem("Archive or database do not answer, or the read model is projected again"),
}
TOKEN_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **PUBLIC_PROBLEMS,
    401: _problem("No token, or one that is unknown, revoked or expired"),
    403: _problem("The token's scopes do not reach this"),
}

COSTLY_PROBLEMS: dict[int | str, dict[str, Any]] = {422: _problem("More than one answer may cost")}


async def anyone(request: Request, context: Ctx) -> None:
    """Public: charged to the client's address."""
    context.public_limit.charge(_client(request))


async def holder(
    request: Request,
    context: Ctx,
    _credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """By token: charged to the token; a failed attempt is charged to the client, so that guessing is slow."""
    try:
        principal = await context.verifier.principal(request.headers.get("authorization"))
    except Unauthorised:
        context.public_limit.charge(_client(request))
        raise
    context.token_limit.charge(principal.token)
    return principal


def _client(request: Request) -> str:
    return client_key(request.client.host if request.client else None)


Holder = Annotated[Principal, Depends(holder)]
Address = Annotated[
    str,
    Path(
        min_length=40,
        max_length=42,
        description="The account's address",
        examples=["0x00112233445566778899aabbccddeeff00112233"],
    ),
]


def own(holder: Principal, address: bytes) -> None:
    """Only its owner, auditors and operators: a partner sees its records, never a person's whole account.

    Raises Forbidden.
    """
    if not holder.scopes.account(address):
        raise Forbidden(ErrorText("此账户属于他人", "this account is somebody else's"))


def not_registered() -> NotFound:
    """No entry registers the address."""
    return NotFound(ErrorText("该地址尚未登记为账户", "this address was never registered as an account"))
