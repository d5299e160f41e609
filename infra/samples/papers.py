"""The paper documents: a letter, a delivery note, minutes, a bulletin, inspection forms. All invented."""

from __future__ import annotations

from collections.abc import Sequence

from infra.samples.sheet import BLACK, Align, Sheet

_LEFT, _RIGHT, _WIDTH = 64.0, 531.0, 467.0

_LETTER = (
    (
        "Thank you for your order of 14 October 2025 and for the drawings that came with it. We have looked through "
        "both and are glad to confirm that all twelve tide gauges can be built to your revised dimensions without "
        "changing the price we quoted on 2 October."
    ),
    (
        "Two points need your decision. The mounting plate on sheet 7 is shown with four holes, but the parts list "
        "asks for six bolts; please tell us which of the two is correct. The sensor cable is listed at 25 metres, "
        "while the distance from the pier to the control cabinet measures 31.5 metres on the site plan. We suggest a "
        "cable of 35 metres at an additional cost of $48.60 for each gauge."
    ),
    (
        "If we hear from you before Friday, 7 November, the first six gauges will leave our works on 1 December and "
        "the remaining six on 15 December. Every gauge is tested in salt water for 72 hours before it is packed, and "
        "the test record travels with the instrument. Spare seals and a calibration key are included."
    ),
    (
        "The invoice will follow with the second delivery. Payment is due within 30 days; a discount of 2% applies "
        "if it reaches us within 10 days. Our general conditions, edition 2024, are enclosed."
    ),
    (
        "Please call me directly on extension 316 if anything is unclear. I shall be at your office in Port Ellery "
        "on 11 November in any case and would be happy to go through the installation with your engineers."
    ),
)


def letter() -> Sheet:
    """A business letter of one page."""
    sheet = Sheet.a4()
    _letterhead(sheet)
    _letter_address(sheet)
    sheet.line("Your order TG-2207: twelve tide gauges", _LEFT, 12, bold=True)
    sheet.skip(8)
    sheet.line("Dear Ms. Quillfeather,", _LEFT)
    sheet.skip(7)
    for text in _LETTER:
        sheet.paragraph(text, _LEFT, _WIDTH)
    sheet.line("Yours sincerely,", _LEFT)
    y = sheet.y + 30
    shape = [(0, 0), (7, -26), (13, -20), (5, 6), (18, -9), (24, 2), (30, -8), (36, 3), (45, -22), (40, 4), (54, -6)]
    tail = [(62, 1), (70, -9), (76, 0), (92, -6), (120, -10), (60, 9)]
    sheet.stroke([(_LEFT + 6 + 1.2 * dx, y + dy) for dx, dy in (*shape, *tail)])
    sheet.at(y + 14)
    sheet.line("Osric Tamworth-Lune", _LEFT)
    sheet.line("Head of Sales, Marine Instruments", _LEFT, 9.5)
    sheet.skip(10)
    sheet.line("Enclosures: general conditions, site plan with remarks", _LEFT, 9.5)
    return sheet


def _letterhead(sheet: Sheet) -> None:
    """The sender's mark, name and address."""
    box = [sheet.px(value) for value in (_LEFT, 42, _LEFT + 34, 76)]
    sheet.draw.ellipse(box, outline=BLACK, width=sheet.px(2.4))
    for offset in (0, 8):
        wave = [(_LEFT + 5 + step * 4, 60 + offset - 4 * (step % 2)) for step in range(7)]
        sheet.stroke(wave, 1.8)
    sheet.at(40)
    sheet.line("Larkmoor Instruments", _LEFT + 46, 19, bold=True)
    sheet.line("18 Saltworks Lane, Brindle Quay 4471", _LEFT + 46, 9)
    sheet.rule(_LEFT, _RIGHT, below=14)


def _letter_address(sheet: Sheet) -> None:
    """To whom, and when."""
    sheet.skip(24)
    for text in ("Ellery Harbour Trust", "Ms. Junia Quillfeather", "3 Customs House Square", "Port Ellery 2095"):
        sheet.line(text, _LEFT)
    sheet.skip(8)
    sheet.line("Brindle Quay, 28 October 2025", _RIGHT, align="right")
    sheet.line("Reference: OT/316-25", _RIGHT, align="right")
    sheet.skip(16)


def table(
    sheet: Sheet, head: Sequence[str], rows: Sequence[Sequence[str]], stops: Sequence[tuple[float, Align]]
) -> None:
    """A ruled table: `stops` says where the cells of each column stand."""
    sheet.rule(_LEFT, _RIGHT)
    sheet.row([(text, x, align) for text, (x, align) in zip(head, stops, strict=True)], 10, bold=True)
    sheet.rule(_LEFT, _RIGHT)
    for row in rows:
        sheet.skip(3)
        sheet.row([(text, x, align) for text, (x, align) in zip(row, stops, strict=True)], 10.5)
    sheet.rule(_LEFT, _RIGHT, below=7)


def _heading(sheet: Sheet, title: str, right: str) -> None:
    """The head of an office page: a title, and something at the right."""
    sheet.at(48)
    sheet.row([(title, _LEFT, "left"), (right, _RIGHT, "right")], 16, bold=True)
    sheet.rule(_LEFT, _RIGHT, 1.2, below=9)
    sheet.skip(12)


_DELIVERED = (
    ("AX-1040", "Brass float, 80 mm", "12", "packed in first box"),
    ("AX-1077", "Stilling tube, two metres", "12", "bundled, six each"),
    ("BK-0310", "Mounting plate, six holes", "12", "second box"),
    ("CR-5520", "Sensor cable, 35 metres", "10", "two to follow"),
    ("CR-5521", "Cable gland, M20", "24", "second box"),
    ("DL-0008", "Calibration key", "2", "envelope"),
    ("DL-0914", "Spare seal set", "12", "envelope"),
    ("EM-7300", "Logger housing, grey", "6", "third box"),
    ("EM-7304", "Battery tray", "6", "inside the housings"),
)


def delivery_note() -> Sheet:
    """Page 1 of the fax: a delivery note with a table."""
    sheet = Sheet.a4(200)
    _heading(sheet, "Delivery note 58113", "1 December 2025")
    for text in ("Larkmoor Instruments to Ellery Harbour Trust", "Carrier: Gannet Freight, truck 22", "Order: TG-2207"):
        sheet.line(text, _LEFT)
    sheet.skip(14)
    stops: tuple[tuple[float, Align], ...] = ((_LEFT, "left"), (150, "left"), (345, "right"), (370, "left"))
    table(sheet, ("Article", "Description", "Number", "Remark"), _DELIVERED, stops)
    sheet.skip(16)
    sheet.paragraph(
        "Please count the pieces on arrival and note anything missing on this sheet before you sign it. Claims that "
        "reach us later than eight days after delivery cannot be considered. Pallets and steel boxes remain the "
        "property of the carrier and are collected with the next delivery.",
        _LEFT,
        _WIDTH,
    )
    sheet.line("Gross weight 418 kg, three boxes, one pallet", _LEFT)
    return sheet


_MINUTES = (
    ("1. Minutes of the last meeting", "Accepted without changes. The list of open tasks was shortened to four."),
    (
        "2. Pier lighting",
        (
            "Eleven of the forty lamps on the east pier have failed since August. The electrician blames water in "
            "the junction boxes. The committee agreed to replace all forty boxes in one go rather than repair them "
            "singly. Estimated cost: 3,900 dollars. Responsible: Mr. Vantongeren, by the end of January."
        ),
    ),
    (
        "3. Tide gauges",
        (
            "The first six gauges arrived on 1 December. Two cables are missing and will follow. The divers can "
            "mount the stilling tubes from 8 December, provided that the wind stays below force five."
        ),
    ),
    (
        "4. Winter berths",
        (
            "There were 73 applications for 60 berths. Boats longer than nine metres will be moved to the north "
            "basin. Owners are to be informed by letter before the weekend."
        ),
    ),
    (
        "5. Any other business",
        "The heating of the workshop is noisy again. The next meeting is on 12 January at 18:30.",
    ),
)


def minutes() -> Sheet:
    """Page 2 of the fax: the minutes of a meeting."""
    sheet = Sheet.a4(200)
    _heading(sheet, "Minutes of the harbour committee", "No. 12/2025")
    sheet.line("Present: Ms. Quillfeather (chair), Mr. Vantongeren, Ms. Abernock, Dr. Sisay-Holm", _LEFT, 10.5)
    sheet.line("Excused: Mr. Prewitt", _LEFT, 10.5)
    sheet.skip(12)
    for title, text in _MINUTES:
        sheet.line(title, _LEFT, 12, bold=True)
        sheet.skip(2)
        sheet.paragraph(text, _LEFT, _WIDTH)
        sheet.skip(4)
    return sheet


_COLUMNS = (
    (
        "Swans on the slipway",
        (
            "A pair of swans has chosen the upper slipway for its nest. Until the young have hatched, boats are "
            "launched from the lower slipway only, and dogs must be kept on a lead. The harbour office lends out "
            "longer ropes free of charge. Last year the same pair raised five cygnets behind the fuel station, which "
            "the pilots fed with lettuce from the canteen."
        ),
        "Reading room",
        (
            "The reading room above the chandlery opens again on Saturdays from ten to four. New on the shelves are "
            "tide tables for the coming year and a history of the lightships."
        ),
    ),
    (
        "Regatta results",
        (
            "Nineteen boats crossed the line in a light breeze from the south. The winner of the long course was the "
            "sloop Marigold in three hours and twelve minutes, followed by Second Helping and Grey Plover. The prize "
            "for the best pancake on board went to the crew of the ketch Ottoline."
        ),
        "Lost and found",
        (
            "One left boot, size 43, green. Two winch handles. A pair of reading glasses in a red case. A box of "
            "fishing lures marked with the letters HB. Owners may collect their things at the office before the "
            "first of March."
        ),
    ),
)


def bulletin() -> Sheet:
    """Page 3 of the fax: a bulletin in two columns."""
    sheet = Sheet.a4(200)
    _heading(sheet, "The Ellery Bollard", "Winter 2025")
    top, width = sheet.y, 218.0
    for number, column in enumerate(_COLUMNS):
        sheet.at(top)
        x = _LEFT + number * (width + 31)
        for title, text in zip(column[::2], column[1::2], strict=True):
            sheet.line(title, x, 14, bold=True)
            sheet.skip(3)
            sheet.paragraph(text, x, width)
            sheet.skip(12)
    return sheet


_CHECKS = (
    ("Guard rails, platform and ladder", "sound", "ladder repainted"),
    ("Hydraulic hoses", "worn", "replace two"),
    ("Oil level and colour", "sound", "4.5 litres added"),
    ("Wire rope, 40 m", "sound", "greased"),
    ("Hook and safety latch", "defective", "latch spring broken"),
    ("Emergency stop", "sound", "tested three times"),
    ("Load test at 2,500 kg", "passed", "held 10 minutes"),
)
_REMARKS = (
    (
        "The crane may be used up to 1,000 kg until the latch has been replaced. After that the full load of 2,000 "
        "kg is allowed again."
    ),
    (
        "The wheels of the trolley were taken off, cleaned and measured. The smallest diameter found was 148.2 mm; "
        "the limit of wear is 145 mm."
    ),
)


def inspection_form(number: int) -> Sheet:
    """An inspection form as page `number` (0 or 1) of the mixed file: stamped, with a signature."""
    sheet = Sheet.a4(200)
    _heading(sheet, f"Inspection form K-{31 + number}", f"Crane {4 + number}")
    sheet.line(
        f"Inspected on {17 + number} September 2025 by Tobiah Wrenfield, Harrowgate Lifting Services", _LEFT, 10.5
    )
    sheet.skip(12)
    stops: tuple[tuple[float, Align], ...] = ((_LEFT, "left"), (280, "left"), (375, "left"))
    checks = _CHECKS[number:] + _CHECKS[:number]
    table(sheet, ("Checked", "Result", "Remark"), checks, stops)
    sheet.skip(16)
    sheet.paragraph(_REMARKS[number], _LEFT, _WIDTH)
    sheet.line(f"Next inspection due: March {2026 + number}", _LEFT, bold=True)
    y = sheet.y + 62
    wave = [(0, 0), (9, -20), (15, 4), (22, -14), (30, 3), (38, -8), (47, 2), (60, -16), (66, 3), (84, -4), (110, -7)]
    sheet.stroke([(_LEFT + 10 + dx, y + dy) for dx, dy in wave])
    sheet.rule(_LEFT, 250, below=y - sheet.y + 8)
    sheet.line("Signature of the inspector", _LEFT, 9)
    return sheet
