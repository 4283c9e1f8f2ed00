"""What can go wrong in the API.

    ApiError
    ├── SettingsError            a setting is missing or cannot be read
    ├── StoreError               the read model's database cannot be used as it is
    ├── ProjectionError          the archive and the read model contradict each other
    └── ApiProblem               what a client is told: one RFC 9457 problem
        ├── BadParameter    400  a path or query parameter has no meaning here
        ├── Unauthorised    401  no token, or one that is unknown, revoked or expired
        ├── Forbidden       403  the token's scopes do not reach this
        ├── NotFound        404  there is no such thing
        ├── NotAllowed      405  another method
        ├── TooMuch         422  more than one answer may cost
        ├── RateLimited     429  too many requests
        └── Unavailable     503  the archive or the database does not answer

A problem carries its texts in Chinese and in English; `api.web.problems` chooses by Accept-Language and always sends
both, so that a client can switch without asking again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class ApiError(Exception):
    """Base of everything this package raises. Says what, where, and what to do."""


class SettingsError(ApiError):
    """A setting is missing or cannot be read."""


class StoreError(ApiError):
    """The read model's database cannot be used as it is."""


class ProjectionError(ApiError):
    """The archive and the read model contradict each other."""


@dataclass(frozen=True, slots=True)
class ErrorText:
    """One sentence in both languages."""

    zh: str
    en: str


class ApiProblem(ApiError):
    """What a client is told instead of an answer.

    Attributes:
        status: HTTP status.
        slug: last part of the problem's type URI, stable for ever.
        title: the kind of problem; the same for every occurrence.
        detail: this occurrence, without personal data.
        remedy: what the client can do.
        headers: extra response headers.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[ErrorText] = ErrorText("服务器内部错误", "Internal error")
    remedy: ClassVar[ErrorText] = ErrorText(
        "请稍后再试；若一直如此，请告知运营方", "Try again later; if it stays, tell the operator"
    )

    def __init__(
        self, detail: ErrorText, *, remedy: ErrorText | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail.en)
        self.detail = detail
        self.advice = remedy or self.remedy
        self.headers = headers or {}
        self.extra: dict[str, object] = {}


class BadParameter(ApiProblem):
    """A path or query parameter has no meaning here. `parameter` names it."""

    status = 400
    slug = "bad-parameter"
    title = ErrorText("参数有误", "Bad parameter")
    remedy = ErrorText("请按接口文档 /docs 更正该参数", "Correct the parameter; /docs describes it")

    def __init__(self, parameter: str, detail: ErrorText) -> None:
        super().__init__(detail)
        self.extra = {"parameter": parameter}


class Unauthorised(ApiProblem):
    """No token, or one that is unknown, revoked or expired: which of these is never told."""

    status = 401
    slug = "unauthorised"
    title = ErrorText("需要有效的访问令牌", "A valid token is needed")
    remedy = ErrorText(
        "请在请求头中带上 Authorization: Bearer <令牌>；令牌由运营方发放",
        "Send the header Authorization: Bearer <token>; the operator issues tokens",
    )

    def __init__(self) -> None:
        super().__init__(
            ErrorText(
                "未提供令牌，或令牌无效、已吊销、已过期", "No token was sent, or it is unknown, revoked or expired"
            ),
            headers={"WWW-Authenticate": 'Bearer realm="luya"'},
        )


class Forbidden(ApiProblem):
    """The token's scopes do not reach this."""

    status = 403
    slug = "forbidden"
    title = ErrorText("无权查看", "Not yours to read")
    remedy = ErrorText("请使用权限包含此内容的令牌", "Use a token whose scope includes this")


class NotFound(ApiProblem):
    """There is no such thing."""

    status = 404
    slug = "not-found"
    title = ErrorText("未找到", "Not found")
    remedy = ErrorText("请核对所请求的编号或地址", "Check the number or address you asked for")


class NotAllowed(ApiProblem):
    """This address is asked with another HTTP method."""

    status = 405
    slug = "method-not-allowed"
    title = ErrorText("不支持该请求方法", "Method not allowed")
    remedy = ErrorText("本接口只读：请使用 GET", "This API only reads: use GET")


class TooMuch(ApiProblem):
    """One answer would cost more than one may."""

    status = 422
    slug = "too-much"
    title = ErrorText("数据过多", "Too much for one answer")
    remedy = ErrorText("请按说明改用其他方式获取", "Get it in the way that is described")


class RateLimited(ApiProblem):
    """Too many requests; `retry_after` seconds until the next will pass."""

    status = 429
    slug = "rate-limited"
    title = ErrorText("请求过于频繁", "Too many requests")
    remedy = ErrorText("请等待 Retry-After 所示秒数后再试", "Wait the seconds named in Retry-After, then try again")

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            ErrorText(f"请在 {retry_after} 秒后再试", f"Try again in {retry_after} s"),
            headers={"Retry-After": str(retry_after)},
        )


class Unavailable(ApiProblem):
    """The archive or the database does not answer, or does not hold this yet."""

    status = 503
    slug = "unavailable"
    title = ErrorText("暂不可用", "Not available now")

    def __init__(self, detail: ErrorText) -> None:
        super().__init__(detail, headers={"Retry-After": "2"})
