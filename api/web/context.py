"""What one running API holds: made by `create_app`, reached by every endpoint through `Ctx`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.settings import Settings
from api.store.database import Database
from api.tokens.verifier import Verifier
from api.web.limits import RateLimiter
from chain_node.archive.reader import ArchiveReader
from chain_node.catalogue import CatalogueMethod


@dataclass(frozen=True, slots=True)
class Context:
    """Settings, database, archive, who may ask and how often, shipped methods' texts by id."""

    settings: Settings
    database: Database
    archive: ArchiveReader
    verifier: Verifier
    public_limit: RateLimiter
    token_limit: RateLimiter
    catalogue: Mapping[int, CatalogueMethod]


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Ctx = Annotated[Context, Depends(_context)]
