"""What stands beside an amount says what it is: words in eight languages, compared as `text.comparable` makes them."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from workers.extraction.text import comparable

_MOST_LABEL = 80
_SHORT = 4


class Kind(Enum):
    """What an amount is."""

    ROUNDED = "the total after rounding"
    GRAND = "what is to be paid, said so"
    TOTAL = "a total"
    NET = "to some the total after all, to others before taxes"
    WEAK = "an amount, perhaps the total"
    SUBTOTAL = "a total before taxes"
    TAX = "a tax"
    DISCOUNT = "taken off"
    CHARGE = "added"
    ROUNDING = "what rounding adds or takes off"
    CASH = "what was handed over"
    CARD = "what was paid without cash"
    CHANGE = "what was given back"
    OTHER = "a count, a saving: nothing of the sum"


def words(text: str) -> str:
    """A pattern for any of the words; `_` is a space that engines may have lost, `$` the end of the label.

    Short words must begin a word of the label: `vat` is no part of `elevator`, nor `ust` of `customer`.
    """
    return "(?:" + "|".join(map(_word, text.split())) + ")"


def _word(word: str) -> str:
    core = " ?".join(map(comparable, word.strip("^$").split("_")))
    begin = "^" if word.startswith("^") else "(?<![A-Z])" if len(core) <= _SHORT else ""
    return begin + core + ("$" if word.endswith("$") else "")


_TOTAL = words("total totaal totale totals summe gesamt jumlah suma somme soma montant betrag ttl amount amt")
_TAX = words(
    "gst sst vat tax taxes mwst ust umsatzsteuer mehrwertsteuer tva iva btw cukai igic ppn igv hst pst qst moms pdv dph"
)
_INCLUDING = words(
    "incl inc included inclu inkl einschl including inclusive termasuk con_iva ttc iva_incluido iva_inclusa gross"
    " brutto"
)
_EXCLUDING = words(
    "excl exc excluding exclusive before without tanpa ohne hors sin_iva esclusa exclusief ht exkl netto"
)

_OTHER = words(
    "total_qty qty_total total_item item_count no_of_item items_sold total_quantity qty anzahl nb_articles articles"
    " saving"
    " saved you_save gespart points punkte bonus kilometer odometer total_pcs exchange_rate card_balance credit_limit"
    " reward gst_reg gst_id gst_no vat_no vat_id ust_id ust_idnr tax_id tax_no steuernr steuernummer invoice_no"
)
_ROUNDING = words(
    "rounding round_adj rnding rnd_adj pembulatan pelarasan rundung arrondi redondeo arrotondamento afronding"
    " arredondamento bill_rnd round_off rounding_adj"
)
_ROUNDED = words("rounded after_rounding after_round after_adj inc_rounding payable_rounded incl_rounding")
_CHANGE = words(
    "change chg_due baki rueckgeld rückgeld zurück wechselgeld rendu monnaie_rendue cambio resto wisselgeld troco"
)
_CASH = words(
    "cash tunai tender tendered gegeben especes efectivo entregado contanti contant dinheiro received amount_paid"
    " amt_paid paid_amount bargeld ^bar$ ^bar_eur$ bayar customers_payment ^paid$ ^payment$ customer_s_payment"
)
_CARD = words(
    "visa master_card mastercard credit_card debit ec_karte girocard maestro carte_bancaire carte_bleue tarjeta"
    " bankcard"
    " pinbetaling kreditkarte kartenzahlung amex paywave e_wallet touch_n_go grabpay multibanco bancomat paid_by"
    " carta_di_credito card_payment"
)
_SUBTOTAL = words(
    "subtotal sub_total sub_ttl zwischensumme sous_total subtotaal totale_parziale nettobetrag nettosumme"
    " base_imponible"
    " imponibile base_tributavel total_ht montant_ht taxable total_neto summe_netto gesamt_netto net_subtotal netsumme"
    " base_iva value_of_supply bemessungsgrundlage maatstaf total_before net_value total_iliquido"
)
_DISCOUNT = words(
    "discount diskaun rabatt nachlass remise descuento dto sconto korting desconto voucher coupon disc gutschein skonto"
    " less"
)
_PAYABLE = words(
    "grand_total amount_due balance_due total_due total_payable amount_payable gesamtbetrag net_payable rechnungsbetrag"
    " zahlbetrag endbetrag zu_zahlen zahlen_sie bruttobetrag gesamtsumme rechnungssumme endsumme net_a_payer montant_du"
    " montant_total total_a_pagar importe_total total_factura total_fattura totale_documento totale_fattura"
    " totale_da_pagare netto_a_pagare importo_totale te_betalen totaalbedrag factuurbedrag valor_total total_geral"
    " jumlah_besar jumlah_keseluruhan jumlah_perlu_dibayar invoice_total total_invoice total_to_pay totaal_incl"
    " total_ttc"
    " summe_brutto gesamt_brutto total_brutto amount_to_pay balance_to_pay please_pay bill_total credit_total"
    " gutschriftsbetrag erstattungsbetrag total_credit total_facture a_payer a_pagar total_complessivo"
    " totale_complessivo"
)
_NET = words("net_total nett_total total_net total_nett net_amount net_amt nett_amount nett_amt netto net nett neto")
_CHARGE = words(
    "service_charge serv_charge svc_chg service_chg servicecharge shipping delivery_charge freight versand"
    " frais_de_port"
    " gastos_de_envio spese_di_spedizione verzendkosten portes tip trinkgeld surcharge deposit pfand svr_tax svc_tax"
    " service_tax bag_fee"
)

# The first that fits says what it is.
_RULES: list[tuple[Kind, re.Pattern[str]]] = [
    (Kind.ROUNDED, re.compile(rf"{_ROUNDED}.{{0,3}}{_TOTAL}|{_TOTAL}.{{0,12}}{_ROUNDED}")),
    (Kind.CHANGE, re.compile(r"(?<!EX)" + _CHANGE)),
    (Kind.OTHER, re.compile(_OTHER)),
    (Kind.ROUNDING, re.compile(_ROUNDING)),
    (Kind.SUBTOTAL, re.compile(rf"{_TOTAL}.{{0,20}}{_EXCLUDING}|{_EXCLUDING}.{{0,14}}{_TOTAL}")),
    (Kind.GRAND, re.compile(rf"{_TOTAL}.{{0,20}}{_INCLUDING}")),
    (Kind.CASH, re.compile(_CASH + r"(?! ?(?:IER|BACK|BIII|SAIE|AMT|DESK|MEMO))")),
    (Kind.CARD, re.compile(_CARD)),
    (Kind.SUBTOTAL, re.compile(_SUBTOTAL)),
    (Kind.GRAND, re.compile(_PAYABLE)),
    (Kind.CHARGE, re.compile(_CHARGE)),
    (Kind.TAX, re.compile(rf"{_TOTAL} ?(?:OF|DE|OI|DEI|DA|DEII)?.?{_TAX}|{_TAX} ?{_TOTAL}")),
    (Kind.DISCOUNT, re.compile(rf"(?<!AFTER )(?<!AFTER){_DISCOUNT}")),
    (Kind.NET, re.compile(_NET)),
    (
        Kind.TOTAL,
        re.compile(words("total totaal totale totals summe gesamt jumlah suma somme soma montant betrag ttl")),
    ),
    (Kind.TAX, re.compile(rf"{_TAX}(?! ?(?:INV|ID|NO|REG|CODE|POINT|ABIE))")),
    (Kind.WEAK, re.compile(words("amount amt importe importo bedrag valor balance saldo due to_pay amaun"))),
]

ITEM_HEAD = re.compile(
    words(
        "qty quantity u_price unit_price price description desc item menge anzahl bezeichnung einzelpreis artikel preis"
        " beschreibung qte quantite designation prix cantidad descripcion precio concepto quantita descrizione prezzo"
        " aantal omschrijving prijs quantidade descricao preco kuantiti harga keterangan uom disc pos"
    )
)
"""What heads the columns of what was sold."""


@lru_cache(maxsize=4096)
def kind_of(label: str) -> Kind | None:
    """What the words beside an amount make of it; None where they say nothing."""
    text = comparable(label[-_MOST_LABEL:])
    if not text:
        return None
    return next((kind for kind, pattern in _RULES if pattern.search(text)), None)
