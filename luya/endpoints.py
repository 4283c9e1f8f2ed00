"""The addresses of a chain's nodes as people write them: several options, or commas between them; here lists begin."""

from __future__ import annotations

from collections.abc import Sequence

from luya.errors import UsageError


def parse_endpoints(texts: Sequence[str], where: str) -> tuple[str, ...]:
    """['http://a:1,http://b:1'] → ('http://a:1', 'http://b:1'), in their order.

    Args:
        texts: as given; each one address, or several with commas between them.
        where: the option or variable that they came by.

    Raises:
        UsageError: one is empty, or given twice.
    """
    urls = tuple(part.strip() for text in texts for part in text.split(","))
    if not all(urls):
        raise UsageError(f"{where}: address {urls.index('') + 1} of {len(urls)} is empty: take the comma away")
    seen: dict[str, int] = {}
    for at, url in enumerate(urls, 1):
        first = seen.setdefault(url.rstrip("/"), at)
        if first != at:
            raise UsageError(f"{where}: addresses {first} and {at} are the same: give each node of the chain once")
    return urls
