"""`/v1/accounts/{address}/controller`."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response

from api.controllers import repository, service
from api.controllers.schemas import AccountController
from api.web.access import COSTLY_PROBLEMS, TOKEN_PROBLEMS, Address, Holder, not_registered, own
from api.web.answers import respond
from api.web.context import Ctx
from api.web.types import parse_address
from api.web.whole import whole

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], responses=TOKEN_PROBLEMS)


@router.get(
    "/{address}/controller",
    response_model=AccountController,
    responses=COSTLY_PROBLEMS,
    summary="Who acts for an account",
)
async def controller(request: Request, context: Ctx, holder: Holder, address: Address) -> Response:
    """谁可以代账户操作：现任控制人、待生效的控制人、会话密钥。仅限本人、审计方与运营方。

    The controller in force, one that has yet to come into force (and may be refused until then), and the session keys
    that hold. For the account's owner, auditors and operators.
    """
    wanted = parse_address(address)
    own(holder, wanted)
    async with whole(context.database) as connection:
        newest = await repository.newest_time(connection, wanted)
        acts = await repository.acts(connection, wanted, service.MOST + 1)
    if newest is None:
        raise not_registered()
    return respond(request, service.view(wanted, acts, max(newest, int(time.time()))), private=True)
