"""A till receipt of an invented grocery."""

from __future__ import annotations

from infra.samples.sheet import Sheet

# Thermal rolls are 80 mm wide and printed at 203 dots per inch; drawn twice as fine, so that a photo loses little.
_DPI = 406
_WIDTH, _HEIGHT = 227, 520
# Heat spreads a little in the paper.
_SPREAD = 1 / 60
_LEFT, _MIDDLE, _RIGHT = 16.0, 113.5, 211.0
_SHOP = ("Unit 6, Old Tannery Yard", "Brindle Quay 4471", "Phone 555 0148", "www.pepperandplum.example")
_ITEMS = (
    ("Sourdough loaf", "4.80"),
    ("Whole milk 2 L", "3.15"),
    ("Eggs free range x12", "5.49"),
    ("Tomatoes 0.742 kg", "2.97"),
    ("Potted basil", "1.99"),
    ("Cheddar mature 350 g", "6.25"),
    ("Olive oil 500 ml", "8.90"),
    ("Dish brush", "2.40"),
    ("Paper towels x4", "3.75"),
    ("Apples 1.208 kg", "4.11"),
)


def receipt() -> Sheet:
    """The receipt as it leaves the printer."""
    sheet = Sheet(round(_WIDTH * _DPI / 72), round(_HEIGHT * _DPI / 72), _DPI, _SPREAD)
    sheet.at(18)
    sheet.line("PEPPER & PLUM", _MIDDLE, 17, align="middle", bold=True)
    sheet.line("Neighbourhood Grocers", _MIDDLE, 10, align="middle")
    for text in _SHOP:
        sheet.line(text, _MIDDLE, 8.5, align="middle")
    sheet.rule(_LEFT, _RIGHT, below=7)
    _pair(sheet, "Receipt 0047193", "Till 2")
    _pair(sheet, "18 Nov 2025 17:42", "Served by Ines")
    sheet.rule(_LEFT, _RIGHT, below=7)
    sheet.skip(3)
    for name, price in _ITEMS:
        _pair(sheet, name, price, 10)
    _totals(sheet)
    return sheet


def _totals(sheet: Sheet) -> None:
    """What is to be paid, and thanks."""
    total = sum(round(float(price) * 100) for _, price in _ITEMS)
    tax = round(total * 7 / 107)
    sheet.rule(_LEFT, _RIGHT, below=7)
    sheet.skip(2)
    _pair(sheet, "Subtotal", _money(total - tax), 10)
    _pair(sheet, "Sales tax 7%", _money(tax), 10)
    sheet.skip(2)
    _pair(sheet, "TOTAL", f"${_money(total)}", 15, bold=True)
    sheet.skip(4)
    _pair(sheet, "Cash", "50.00", 10)
    _pair(sheet, "Change", _money(5000 - total), 10)
    sheet.rule(_LEFT, _RIGHT, below=8)
    sheet.skip(4)
    for text in ("Items sold: 10", "Returns within 14 days with this receipt", "Thank you and see you soon!"):
        sheet.line(text, _MIDDLE, 9, align="middle")


def _money(cents: int) -> str:
    """Cents as a till prints them."""
    return f"{cents / 100:.2f}"


def _pair(sheet: Sheet, left: str, right: str, size: float = 9, *, bold: bool = False) -> None:
    """Something at the left edge and something at the right."""
    sheet.row([(left, _LEFT, "left"), (right, _RIGHT, "right")], size, bold=bold)
