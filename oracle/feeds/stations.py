"""A feed's station table: where the partner's stations are, for files that name them and give no coordinates."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from oracle.errors import ConfigError, SourceError
from oracle.families.config import FeedConfig, StationTable
from oracle.families.family import degrees
from oracle.intake import csv_rows
from oracle.intake.fields import Unreadable, required
from oracle.intake.positions import Position, wgs84


def with_table(feed: FeedConfig, table: StationTable, folder: Path) -> FeedConfig:
    """The feed with its stations' positions; its settings, so its digest, have the table's SHA-256 too.

    Raises ConfigError: the table is missing, or has a line that can't be read.
    """
    path = folder / table.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"feed {feed.name}: its station table {path} cannot be read: {error.strerror}") from None
    described = {**feed.settings["stations"], "sha256": hashlib.sha256(data).hexdigest()}
    return replace(
        feed,
        station_positions=_positions(data, str(path), table, feed),
        settings={**feed.settings, "stations": described},
    )


def _positions(data: bytes, name: str, table: StationTable, feed: FeedConfig) -> dict[str, Position]:
    found: dict[str, Position] = {}
    try:
        for row in csv_rows.read(io.BytesIO(data), name, encoding=table.encoding, delimiter=table.delimiter):
            try:
                if row.problem is not None:
                    raise Unreadable(row.problem)
                station, there = _station(row.fields, table, feed)
            except Unreadable as error:
                raise ConfigError(f"{name}, line {row.line}: {error}") from None
            if found.setdefault(station, there) != there:
                raise ConfigError(f"{name}, line {row.line}: station {station!r} stands in two places")
    except SourceError as error:
        raise ConfigError(str(error)) from None
    if not found:
        raise ConfigError(f"{name} has no station")
    return found


def _station(fields: Mapping[str, str], table: StationTable, feed: FeedConfig) -> tuple[str, Position]:
    texts = [fields.get(column) for column in (table.id, table.latitude, table.longitude)]
    station = required(texts[0], table.id)
    axis = degrees(feed)
    there = Position(axis(texts[1] or "", table.latitude, 90), axis(texts[2] or "", table.longitude, 180))
    return station, wgs84(*there, table.latitude) if feed.positions.system == "gcj02" else there
