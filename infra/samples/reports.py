"""The two PDF samples: one born digital, one of printed and scanned pages by turns. All invented."""

from __future__ import annotations

from infra.samples.papers import inspection_form
from infra.samples.pdfs import Report
from infra.samples.scanner import scan

_INTRODUCTION = (
    (
        "This report sums up the water levels measured at the three stations of the Ellery estuary between January "
        "and June. The gauges were read every ten minutes; the values below are monthly means in centimetres above "
        "datum."
    ),
    (
        "Readings taken while a gauge was being cleaned have been left out. In February the station at Gull Point "
        "was without power for 31 hours, and its mean for that month rests on 95.4% of the usual readings."
    ),
)
_LEVELS: list[tuple[str, ...]] = [
    ("Month", "Gull Point", "Old Lock", "Mill Weir"),
    ("January", "214.6", "221.3", "240.8"),
    ("February", "209.1", "217.7", "238.2"),
    ("March", "217.9", "224.0", "246.5"),
    ("April", "212.4", "219.8", "243.1"),
    ("May", "206.3", "213.2", "235.9"),
    ("June", "203.8", "210.5", "231.4"),
]
_FINDINGS = (
    (
        "The spring tide of 29 March brought the highest level of the half year, 361 cm at Mill Weir, eleven "
        "centimetres below the crest of the flood wall. The pumps at the fish market ran for nineteen hours without "
        "interruption."
    ),
    (
        "Since the channel was dredged in April, the difference between Old Lock and Gull Point has shrunk from 7.5 "
        "to 6.7 centimetres. Whether this lasts can only be said after a full winter."
    ),
)
_OUTLOOK = (
    (
        "Twelve new gauges will replace the present ones before the end of the year. For three months both sets will "
        "be read side by side, so that the series can be joined without a step."
    ),
    (
        "Questions about this report are answered by the survey office, survey@elleryharbour.example, on weekdays "
        "between nine and noon. The full set of readings can be ordered as a table at no cost."
    ),
)
_METHODS = (
    (
        "Each gauge consists of a brass float in a stilling tube, a shaft encoder and a logger. The tube damps the "
        "waves; what remains is averaged over sixty seconds. Once a month a member of the survey office compares the "
        "reading with the staff gauge beside it and notes the difference in the station book."
    ),
    (
        "Differences of up to two centimetres are left as they are. Larger ones are corrected back to the last "
        "comparison, in proportion to the time that has passed."
    ),
)


def born_digital() -> tuple[bytes, str]:
    """Two pages with headings, paragraphs and a table."""
    report = Report()
    report.page()
    report.heading("Water levels in the Ellery estuary", 20)
    report.paragraph("Half-year report of the survey office, July 2025")
    _section(report, "1 Summary", _INTRODUCTION)
    report.heading("2 Monthly means")
    report.table(_LEVELS)
    _section(report, "3 Findings", _FINDINGS)
    report.page()
    _section(report, "4 Methods", _METHODS)
    _section(report, "5 Outlook", _OUTLOOK)
    return report.finish()


def mixed() -> tuple[bytes, str]:
    """Four pages: printed, scanned, printed, scanned."""
    report = Report()
    for number, (crane, load) in enumerate((("4", "1,000"), ("5", "2,000"))):
        report.page()
        report.heading(f"Crane {crane}: yearly inspection", 18)
        report.paragraph(
            f"The following page is the form that was filled in on the spot. Until further notice crane {crane} may "
            f"lift {load} kilograms. The operators have been told in writing, and a plate with the new limit hangs in "
            "the cabin."
        )
        report.paragraph(
            "The originals are kept in the harbour office for ten years. Copies may be made for the insurer, who "
            "asks for them once a year."
        )
        form = inspection_form(number)
        report.image_page(scan(form.image, angle=0.6 - 1.1 * number, seed=70 + number), form.text)
    return report.finish()


def _section(report: Report, title: str, paragraphs: tuple[str, ...]) -> None:
    """A heading and what stands under it."""
    report.heading(title)
    for text in paragraphs:
        report.paragraph(text)
