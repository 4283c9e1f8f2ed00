"""`/v1/projects`, `/v1/projects/{project}` and its deliveries."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api import subjects
from api.entries.service import MAX_INDEX
from api.projects import repository, service
from api.projects.schemas import ProjectDetail, ProjectList, PublicDelivery
from api.web.access import PUBLIC_PROBLEMS, anyone
from api.web.answers import respond
from api.web.context import Ctx
from api.web.cursors import Cursor, parse_cursor
from api.web.whole import whole
from chain_node.protocol.kinds.projects import DELIVERY, PROJECT, ProjectDelivery

router = APIRouter(prefix="/v1/projects", tags=["projects"], responses=PUBLIC_PROBLEMS, dependencies=[Depends(anyone)])
Number = Annotated[int, Path(ge=0, le=0xFFFFFFFF, description="The project's number", examples=[1])]
Index = Annotated[int, Path(ge=0, le=MAX_INDEX, description="The delivery's index", examples=[4021])]
Limit = Annotated[int, Query(ge=1, le=100, description="How many a page")]


@router.get("", response_model=ProjectList, summary="All public-good projects, by pages")
async def projects(request: Request, context: Ctx, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """公益项目及其进度：已认捐、待交付、待验收、已验收、已退还。

    Every project with its terms and how far it is, by number.
    """
    after = parse_cursor(cursor)
    async with whole(context.database) as connection:
        ids = await subjects.numbers(connection, PROJECT, after=-1 if after is None else after, limit=limit + 1)
        found = await repository.projects(connection, ids)
    return respond(request, service.listed(found, limit))


@router.get("/{project}", response_model=ProjectDetail, summary="One project, its progress and deliveries")
async def project(
    request: Request, context: Ctx, project: Number, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """某一公益项目的条款、进度、变更和交付（新的在前）。不显示认捐人。

    Terms, progress, changes of state and deliveries, the newest first. Nobody's pledge is shown.
    """
    before = parse_cursor(cursor)
    async with whole(context.database) as connection:
        found = await repository.projects(connection, [project])
        if not found:
            raise service.no_project(project)
        page = await subjects.newest(connection, PROJECT, project, DELIVERY, before, limit + 1)
        deliveries = await repository.deliveries(connection, page)
    return respond(request, service.detail(found[0], deliveries, limit))


@router.get("/{project}/deliveries/{index}", response_model=PublicDelivery, summary="One delivery")
async def delivery(request: Request, context: Ctx, project: Number, index: Index) -> Response:
    """某次交付的时间、地点、验收结果和存活报告。

    When and where units were carried out, what the acceptor of another organisation decided, and what lives later.
    """
    async with whole(context.database) as connection:
        found = await subjects.entry(connection, index, DELIVERY)
        act = None if found is None else found.act
        if found is None or not isinstance(act, ProjectDelivery) or act.project != project:
            raise service.no_delivery(project, index)
        (shown,) = await repository.deliveries(connection, [found])
    return respond(request, service.delivery(shown))
