"""A feed's TOML file: read, checked as a whole, also by its family."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from oracle.errors import ConfigError
from oracle.families import family_of, fit
from oracle.families.config import FeedConfig
from oracle.feeds import stations

SHIPPED: Final = Path(__file__).parent
"""Where the feeds lie that come with the package."""

_ADAPTER = TypeAdapter(FeedConfig)


def parse(text: str, origin: str = "configuration", folder: Path | None = None) -> FeedConfig:
    """The feed that this TOML describes; folder: where its station table lies.

    Raises ConfigError, naming `origin` and every place that is wrong.
    """
    try:
        settings = tomllib.loads(text)
        for made in ("settings", "station_positions"):
            if made in settings:
                raise ConfigError(f"{origin}: {made!r} is not a setting")
        if "time_zone" not in settings:
            raise ConfigError(
                f"{origin} does not say its time_zone: of which zone are the times in the files? "
                'In a draft, confirm the line that is marked so; else add one, such as time_zone = "Asia/Shanghai"',
                f"{origin} 没有写明 time_zone：文件里的时间是哪个时区的？草稿中请确认标有“【请确认】”的那一行，"
                '或添加一行，如 time_zone = "Asia/Shanghai"',
            )
        # By way of JSON, where pydantic's strict mode takes an object for a dataclass.
        feed = _ADAPTER.validate_json(json.dumps({**settings, "settings": settings}))
        if feed.stations is not None:
            feed = stations.with_table(feed, feed.stations, folder or Path())
        fit(feed)
        family_of(feed).reader(feed)  # what only shows when rows are to be read: its format of times
        return feed
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin} is not TOML: {error}", f"{origin} 不是有效的 TOML 文件：{error}") from None
    except TypeError as error:
        raise ConfigError(f"{origin} holds a value that no setting has: {error}") from None
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'feed'}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(
            f"{origin} does not describe a feed: {faults}", f"{origin} 不是有效的数据源设置：{faults}"
        ) from None
    except ValueError as error:
        raise ConfigError(
            f"{origin} does not describe a feed: {error}", f"{origin} 不是有效的数据源设置：{error}"
        ) from None


def load(path: Path) -> FeedConfig:
    """The feed in this file. Raises ConfigError."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path), path.parent)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None


def shipped() -> dict[str, FeedConfig]:
    """The feeds that come with the package, by name."""
    feeds = (load(path) for path in sorted(SHIPPED.glob("*.toml")))
    return {feed.name: feed for feed in feeds}
