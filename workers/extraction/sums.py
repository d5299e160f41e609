"""The total, the tax and the subtotal: chosen together, as their sums must agree."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from workers.extraction.amounts import Amount
from workers.extraction.figures import Figure
from workers.extraction.labels import Kind

_SUMS = frozenset({Kind.SUBTOTAL, Kind.NET, Kind.TOTAL, Kind.GRAND, Kind.ROUNDED})
_MOST_FIGURES = 400
_MOST_TRIED = 40
_TOTALS = (Kind.ROUNDED, Kind.GRAND, Kind.TOTAL, Kind.NET, Kind.WEAK)
_LABELLED = (*_TOTALS, Kind.CARD)
_LABEL_SCORE = {
    Kind.ROUNDED: 5.0,
    Kind.GRAND: 4.0,
    Kind.TOTAL: 3.0,
    Kind.NET: 2.0,
    Kind.WEAK: 1.0,
    Kind.CARD: 1.0,
    Kind.CASH: 0.3,
    Kind.SUBTOTAL: 0.2,
}


@dataclass(frozen=True, slots=True)
class Sums:
    """What was chosen, each with how sure it is, 0-1, before the reader's own confidence."""

    total: tuple[Amount, float] | None = None
    tax: tuple[Sequence[Amount], float] | None = None
    subtotal: tuple[Amount, float] | None = None


class Ledger:
    """All figures by what they are."""

    def __init__(self, found: Sequence[Figure]) -> None:
        money = [one for one in found if one.amount.exact or one.amount.currency]
        # Prices without decimals count where a total is nothing else.
        self.figures = money or [one for one in found if one.kind in _TOTALS]
        self.by_kind: dict[Kind | None, list[Amount]] = defaultdict(list)
        self.by_value: dict[Decimal, list[Figure]] = defaultdict(list)
        for one in self.figures:
            self.by_kind[one.kind].append(one.amount)
            self.by_value[one.amount.value].append(one)
        sizes = [one.amount.span.size for one in self.figures]
        self.size = statistics.median(sizes) if sizes else 0.0

    def values(self, *kinds: Kind | None) -> list[Decimal]:
        """The values of some kinds, the last ones of a long document."""
        return [amount.value for kind in kinds for amount in self.by_kind[kind][-_MOST_TRIED:]]

    def steps(self) -> list[tuple[Decimal, Decimal]]:
        """Pairs of sums where the second is the first and all that stands between the two."""
        found = []
        before: Decimal | None = None
        between = rounding = Decimal(0)
        for one in self.figures:
            value = one.amount.value
            if one.kind in _SUMS and not one.summary:
                if before is not None and value != before and value in _adjusted(before + between, rounding):
                    found.append((before, value))
                before, between, rounding = value, Decimal(0), Decimal(0)
            elif one.kind in {Kind.TAX, Kind.CHARGE}:
                between += value
            elif one.kind is Kind.DISCOUNT:
                between -= abs(value)
            elif one.kind is Kind.ROUNDING:
                rounding = value
        return found

    def roundings(self) -> set[Decimal]:
        """What rounding can have added: what is printed, of either sign, as engines lose small strokes."""
        found = {value for value in self.values(Kind.ROUNDING) if abs(value) < 1}
        return found | {-value for value in found} | {Decimal(0)}


def _adjusted(value: Decimal, rounding: Decimal) -> set[Decimal]:
    return {value, value + rounding, value - rounding}


def choose(found: Sequence[Figure], items: Iterable[Decimal] = ()) -> Sums:
    """Choose total, tax and subtotal.

    Args:
        found: all figures of the document.
        items: the amounts of what was sold.
    """
    ledger = Ledger(found)
    total = _total(ledger, sum(items, Decimal(0)))
    if total is None:
        return Sums()
    tax, subtotal = _parts(ledger, total[0].value)
    return Sums(total, tax, subtotal)


def _total(ledger: Ledger, items: Decimal) -> tuple[Amount, float] | None:
    labelled = [
        value
        for value, ones in ledger.by_value.items()
        if any(one.kind in _LABELLED and not one.summary for one in ones)
    ]
    tried = labelled or [
        one.amount.value for one in ledger.figures if one.kind in {None, Kind.CARD, Kind.CASH, Kind.SUBTOTAL}
    ]
    evidence = _Evidence(ledger, items)
    scored = [(evidence.score(value), value) for value in dict.fromkeys(tried[-_MOST_FIGURES:])]
    if not scored:
        return None
    (score, agreed), value = max(scored, key=lambda one: (one[0][0], one[1]))
    ones = ledger.by_value[value]
    best = max(ones, key=lambda one: (_LABEL_SCORE.get(one.kind, 0.0) if one.kind else 0.0, one.amount.row.index))
    sure = 0.97 if agreed >= 2 else 0.92 if agreed else 0.75 if score >= 3 else 0.6 if labelled else 0.35  # noqa: PLR2004
    return best.amount, sure


class _Evidence:
    """What speaks for a value being the total."""

    def __init__(self, ledger: Ledger, items: Decimal) -> None:
        self._ledger = ledger
        self._items = items
        self._roundings = ledger.roundings()
        self._subtotals = set(ledger.values(Kind.SUBTOTAL, Kind.NET))
        self._totals = set(ledger.values(*_TOTALS)) | self._subtotals
        self._partial = ledger.values(Kind.ROUNDED, Kind.GRAND, Kind.TOTAL)
        self._largest = max(ledger.values(*_TOTALS), default=Decimal(0), key=abs)
        self._taxes = ledger.values(Kind.TAX)
        self._extras = [*self._taxes, *ledger.values(Kind.CHARGE), *(-abs(one) for one in ledger.values(Kind.DISCOUNT))]
        self._paid = self._payments()
        steps = ledger.steps()
        self._results = {after for _, after in steps}
        self._passed = {before for before, _ in steps}

    def _payments(self) -> set[Decimal]:
        cash, change = self._ledger.values(Kind.CASH), self._ledger.values(Kind.CHANGE)
        return {abs(handed) - abs(back) for handed in cash for back in change} - {Decimal(0)}

    def score(self, value: Decimal) -> tuple[float, int]:
        """How much speaks for a value, and how many sums it agrees with."""
        ones = self._ledger.by_value[value]
        score = max((_LABEL_SCORE.get(one.kind, 0.0) for one in ones if one.kind and not one.summary), default=0.0)
        score += 0.4 * min(3, len(ones) - 1)
        score += 0.5 * (value == self._largest)
        score += 0.7 * any(one.amount.span.size > 1.25 * self._ledger.size for one in ones)
        score += 0.01 * (value != 0) - 2.0 * (value == 0)
        agreed = 0
        for weight, agrees in self._sums(value):
            score += weight * agrees
            agreed += agrees and weight > 0
        return score, agreed

    def _sums(self, value: Decimal) -> Iterable[tuple[float, bool]]:
        rounded = {rounding for rounding in self._roundings if rounding}
        yield 4.0, abs(value) in self._paid
        yield -2.0, value in self._passed
        yield 1.5, value in set(self._ledger.values(Kind.CARD, Kind.CASH))
        yield 2.5, any(value - rounding in self._totals for rounding in rounded)
        # The total before rounding, where the rounded one is printed as well.
        yield -2.5, any(value + rounding in self._totals and _rounder(value + rounding, value) for rounding in rounded)
        parts = {one for one in self._partial if one and one != value}
        yield 2.0, any(value - one in parts for one in parts)
        yield -4.0, any(value + one in parts for one in parts)
        yield (
            2.5,
            value in self._results
            or any(
                value - rounding - extra in self._subtotals
                for rounding in self._roundings
                for extra in self._extras
                if extra
            ),
        )
        yield 1.5, self._items != 0 and any(value - rounding == self._items for rounding in self._roundings)
        yield 1.5, self._items != 0 and any(value - self._items == tax for tax in self._taxes if tax)


def _rounder(one: Decimal, other: Decimal) -> bool:
    """Whether `one` has been rounded to coins and `other` has not."""
    coin = Decimal("0.05")
    return one % coin == 0 and other % coin != 0


def _parts(ledger: Ledger, total: Decimal) -> tuple[tuple[Sequence[Amount], float] | None, tuple[Amount, float] | None]:
    """The tax in a total and what remains without it."""
    taxes = ledger.by_kind[Kind.TAX][-_MOST_TRIED:]
    subtotals = [*ledger.by_kind[Kind.NET][-_MOST_TRIED:], *ledger.by_kind[Kind.SUBTOTAL][-_MOST_TRIED:]]
    everything = [one.amount for one in ledger.figures[-_MOST_FIGURES:]]
    befores = [total - rounding for rounding in sorted(ledger.roundings(), key=abs)]
    for nets, sure in ((subtotals, 0.96), (everything, 0.9)):
        by_value = {amount.value: amount for amount in nets}
        for tried in _tax_sets(taxes):
            tax = sum((amount.value for amount in tried), Decimal(0))
            net = next((by_value[before - tax] for before in befores if before - tax in by_value), None)
            if net and tax and _plausible(tax, net.value):
                return (tried, sure), (net, sure)
    likely = [tax for tax in taxes if _plausible(tax.value, total)]
    known = subtotals[-1] if subtotals else None
    return ((likely[-1:], 0.5) if likely else None), ((known, 0.6) if known else None)


def _tax_sets(taxes: Sequence[Amount]) -> Iterable[Sequence[Amount]]:
    """What can be all taxes of a document: one of them, or several rates together, each once."""
    yield from ([tax] for tax in taxes)
    by_row = {amount.row.index: amount for amount in taxes}
    once = list({amount.value: amount for amount in by_row.values()}.values())
    for first in range(len(once)):
        for last in range(first + 2, min(len(once), first + 6) + 1):
            yield once[first:last]


def _plausible(tax: Decimal, net: Decimal) -> bool:
    return abs(tax) < abs(net) * Decimal("0.4") and (tax <= 0) == (net <= 0 or tax == 0)
