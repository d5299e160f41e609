"""The fields of an e-invoice, from the XML that its PDF carries; the words only tell where they stand in print.

Sources: EN 16931-1 (what an invoice says and which of its sums agree: the rules BR-CO-10, 13 and 15), its syntaxes UN/CEFACT
Cross Industry Invoice (`cii`) and OASIS UBL 2.1 (`ubl`), and UNTDID 1001 for the type codes.

A credit note's amounts are negative here, so that adding documents up is right: in the XML they are positive, and its type
code turns them round. The total is with taxes and rounding, before what was paid in advance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from shared.errors import EInvoiceUnusable
from workers.extraction import cii, ubl
from workers.extraction.extractor import Extracted
from workers.extraction.printed import Place, Printed
from workers.extraction.statements import Line, Statement
from workers.extraction.trees import parse
from workers.extraction.values import Field, Invoice, LineItem, PageWords

_READERS: Final = {
    "CrossIndustryInvoice": cii.read,
    "CrossIndustryDocument": cii.read,
    "Invoice": ubl.read,
    "CreditNote": ubl.read,
}
