"""Which labels a PromQL expression's answers carry, for as much of the language as `deploy/` uses.

A comparison or a sum of two vectors keeps only those of equal labels: a side that carries one more label never finds a
partner, and the rule is silent for ever. `labels_of` refuses such expressions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

Labels = frozenset[str] | None
"""None: a number, which goes with every vector."""
TARGET: Final = frozenset({"instance", "job"})
"""Prometheus gives these to everything that it scrapes."""

_TOKEN: Final = re.compile(r'\s*("[^"]*"|\d+[smhd]\b|\d+(?:\.\d+)?|[A-Za-z_:]\w*|==|!=|=~|!~|>=|<=|[-+*/<>=(){}\[\],])')
_LEVELS: Final = (("or",), ("and", "unless"), ("==", "!=", ">", "<", ">=", "<="), ("+", "-"), ("*", "/"))
_AGGREGATIONS: Final = frozenset({"sum", "min", "max", "avg", "count", "topk"})
_SETS: Final = frozenset({"or", "and", "unless"})


class NeverMatches(ValueError):
    """Two sides of an operator whose labels differ."""


def labels_of(expression: str, known: Mapping[str, frozenset[str]]) -> Labels:
    """The labels of an expression's answers.

    Args:
        expression: PromQL.
        known: each metric's own labels.

    Raises:
        NeverMatches: an operator's two sides can have no pair of equal labels.
        ValueError: it is no PromQL that is understood here.
    """
    reader = _Reader(expression, known)
    found = reader.binary(0)
    reader.end()
    return found


class _Reader:
    def __init__(self, expression: str, known: Mapping[str, frozenset[str]]) -> None:
        self._text = expression
        self._known = known
        self._tokens = [match[1] for match in _TOKEN.finditer(expression)]
        if "".join(self._tokens) != re.sub(r"\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "", expression):
            raise ValueError(f"not understood: {expression}")

    def end(self) -> None:
        if self._tokens:
            raise ValueError(f"{self._text}: {self._tokens[0]} is too much")

    def binary(self, level: int) -> Labels:
        if level == len(_LEVELS):
            return self._one()
        left = self.binary(level + 1)
        while self._tokens and self._tokens[0] in _LEVELS[level]:
            operator = self._tokens.pop(0)
            on = self._names() if self._take("on") else None
            left = self._joined(operator, left, self.binary(level + 1), on)
        return left

    def _joined(self, operator: str, left: Labels, right: Labels, on: frozenset[str] | None) -> Labels:
        if left is None or right is None:
            return left if right is None else right
        if on is not None:
            if not on <= left & right:
                raise NeverMatches(f"{self._text}: {sorted(on - (left & right))} is not on both sides of {operator}")
            return left if operator in _SETS else on
        # `or` takes the right side's answers as they are
        if left != right and operator != "or":
            raise NeverMatches(f"{self._text}: {sorted(left)} never meets {sorted(right)} at {operator}")
        return left

    def _one(self) -> Labels:
        word = self._tokens.pop(0)
        if word == "(":
            found = self.binary(0)
            self._need(")")
            return found
        if word[0].isdigit() or word[0] == '"':
            return None
        if word in _AGGREGATIONS:
            by = self._names() if self._take("by") else None
            inner = self._arguments()
            return inner if word == "topk" else by or frozenset()
        if self._tokens[:1] == ["("]:
            return self._called(word)
        if word not in self._known:
            raise ValueError(f"{self._text}: there is no metric {word}")
        self._skip("{", "}")
        self._skip("[", "]")
        return self._known[word] | TARGET

    def _called(self, function: str) -> Labels:
        inner = self._arguments()
        if function in ("scalar", "time"):
            return None
        if function in ("absent", "vector"):
            return frozenset()
        return inner - {"le"} if function == "histogram_quantile" and inner is not None else inner

    def _arguments(self) -> Labels:
        """The labels of the argument that is a vector."""
        self._need("(")
        found: Labels = None
        while not self._take(")"):
            one = self.binary(0)
            found = one if found is None else found
            self._take(",")
        return found

    def _names(self) -> frozenset[str]:
        self._need("(")
        at = self._tokens.index(")")
        names, self._tokens = self._tokens[:at], self._tokens[at + 1 :]
        return frozenset(name for name in names if name != ",")

    def _skip(self, first: str, last: str) -> None:
        if self._tokens[:1] == [first]:
            self._tokens = self._tokens[self._tokens.index(last) + 1 :]

    def _take(self, token: str) -> bool:
        if self._tokens[:1] != [token]:
            return False
        self._tokens.pop(0)
        return True

    def _need(self, token: str) -> None:
        if not self._take(token):
            raise ValueError(f"{self._text}: {token} is missing")
