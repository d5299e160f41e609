"""What stands beside an amount says what it is: words in eight languages, looked for without spaces and accents."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from workers.extraction.text import squeezed


class Kind(Enum):
    """What an amount is."""

    GRAND = "the last total, whatever is taken off or added"
    TOTAL = "a total"
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
    """A pattern for any of the words of a text, each as `squeezed` makes it; `_` is a space inside one, `^` its start."""
    parts = sorted({("^" if word.startswith("^") else "") + squeezed(word) for word in text.split()}, key=len, reverse=True)
    return "(?:" + "|".join(parts) + ")"


_TOTAL = words("total totaal totale totals summe gesamt jumlah suma somme soma montant betrag amaun ttl")
_TAX = words(
    "gst sst vat tax taxes mwst ust umsatzsteuer mehrwertsteuer tva iva btw cukai igic ppn igv hst pst qst moms pdv dph"
)
_INCLUDING = words(
    "incl inci inclu included inkl einschl including inclusive compris_la termasuk con_iva ttc inc iva_incluido iva_inclusa"
    " brutto gross tax_paid"
)
_EXCLUDING = words(
    "excl excluding exclusive exci exc before without tanpa ohne hors sin_iva esclusa exclusief netto net_amount ht_ zzgl"
    " hors_taxe sem_iva exkl"
)

_RULES: list[tuple[Kind, re.Pattern[str]]] = [
    (Kind.GRAND, re.compile(rf"{words('rounded')}{_TOTAL}|{_TOTAL}(?:AMT)?.{{0,8}}{words('rounded after_rounding afterround inc_rounding payable_rounded')}")),
    (Kind.OTHER, re.compile(words(
        "total_qty totalqty qty_total total_item item_count no_of_item items_sold total_quantity tot_qty tqty qty_"
        " number_of_items anzahl artikel_anz nb_articles articles saving saved you_save gespart points punkte point_balance"
        " bonus kilometer odometer total_pcs total_unit exchange_rate kurs card_balance balance_point deposit_pfand"
        " credit_limit umsatz_bonus reward rebate_pts gst_reg gst_id gst_no vat_no vat_id ust_id ust_idnr tax_id tax_no"
        " steuernr steuernummer"
    ))),
    (Kind.ROUNDING, re.compile(words(
        "rounding round_adj roundadj rnding rnd_adj pembulatan pelarasan rundung arrondi redondeo arrotondamento"
        " afronding arredondamento bill_rnd rounding_adj round_off"
    ))),
    (Kind.CHANGE, re.compile(words(
        "change chg_due baki rueckgeld rückgeld zurück wechselgeld rendu monnaie_rendue rendu_monnaie cambio su_cambio"
        " resto wisselgeld troco balance_returned"
    ))),
    (Kind.CASH, re.compile("(?:" + words(
        "cash tunai tender tendered gegeben espece especes efectivo entregado contanti contant dinheiro received bar_eur"
        " amount_paid amt_paid paid_amount bargeld ^bar bayar customers_payment"
    ) + ")(?!IER|BACK|BIII|SAIE|AMT|DESK|MEMO)" + f"|^{squeezed('bar')}(?:EUR)?$|^{words('paid payment')}$")),
    (Kind.CARD, re.compile(words(
        "visa master_card mastercard credit_card debit ec_karte girocard maestro carte_bancaire carte_bleue tarjeta"
        " bankcard pin_betaling kreditkarte kartenzahlung amex paywave e_wallet touch_n_go grabpay multibanco bancomat"
        " carta_credito card_payment"
    ))),
    (Kind.SUBTOTAL, re.compile(
        f"{words('subtotal sub_total sub_ttl subttl zwischensumme sous_total subtotaal totale_parziale nettobetrag nettosumme')}"
        f"|{words('base_imponible imponibile base_tributavel total_ht totalht montant_ht taxable netto total_neto summe_netto')}"
        f"|{words('gesamt_netto net_amount net_subtotal netsumme base_iva taxable_amount value_of_supply total_netto')}"
        f"|{words('sous_total_ht bemessungsgrundlage maatstaf ^net$ ^nett$ net_value')}"
        f"|{_TOTAL}.{{0,16}}{_EXCLUDING}|{_EXCLUDING}.{{0,12}}{_TOTAL}|^{squeezed('net')}(?:EUR|GBP|USD|RM)?$"
    )),
    (Kind.TAX, re.compile(
        f"{words('total tot summe gesamt totaal totale sum_of add plus zzgl')}(?:OF|DE|OI|DEI|DA)?{_TAX}(?!{_INCLUDING}|INC|IAB|PAI|PAYABIE)"
    )),
    (Kind.DISCOUNT, re.compile(
        f"(?<!AFTER)(?<!AFTERI)(?<!IESS){words('discount diskaun rabatt nachlass remise descuento dto sconto korting desconto voucher coupon disc gutschein promo skonto less')}"
    )),
    (Kind.GRAND, re.compile(
        f"{words('grand_total grandtotal amount_due balance_due total_due total_payable amount_payable gesamtbetrag net_payable')}"
        f"|{words('rechnungsbetrag zahlbetrag endbetrag zu_zahlen zahlen_sie bruttobetrag gesamtsumme rechnungssumme endsumme')}"
        f"|{words('net_a_payer montant_total montant_du total_a_pagar importe_total total_factura total_fattura totale_documento')}"
        f"|{words('totale_fattura totale_da_pagare netto_a_pagare importo_totale te_betalen totaalbedrag totaal_te factuurbedrag')}"
        f"|{words('valor_total total_geral jumlah_besar jumlah_keseluruhan jumlah_perlu_dibayar invoice_total total_invoice')}"
        f"|{words('net_total nett_total total_to_pay totaal_incl total_ttc summe_brutto gesamt_brutto total_brutto amount_to_pay')}"
        f"|{words('total_amount_due total_nett total_net balance_to_pay please_pay bill_total credit_total gutschriftsbetrag')}"
        f"|{words('erstattungsbetrag total_credit total_a_payer total_facture a_payer total_betaling totale_complessivo total_sales_inc')}"
        f"|{_TOTAL}.{{0,14}}{_INCLUDING}"
    )),
    (Kind.CHARGE, re.compile(words(
        "service_charge serv_charge svc_chg servicecharge service_chg shipping delivery_charge freight versand"
        " versandkosten frais_de_port gastos_de_envio spese_di_spedizione verzendkosten portes tip trinkgeld surcharge"
        " svccharge deposit pfand"
    ))),
    (Kind.TOTAL, re.compile(_TOTAL)),
    (Kind.TAX, re.compile(
        f"{words('gst sst vat_ mwst umsatzsteuer mehrwertsteuer cukai sales_tax service_tax igic davon_mwst moms')}"
        f"(?!REG|ID|NO|SUMM)|(?:^|[^A-Z]|INCI|INCIUDED|DONT|DI|ADD|PIUS|ENTHAITENE|ZZGI){words('tva iva btw vat ust tax')}(?!INV|ID|NO|REG|CODE|POINT|ABIE)"
        f"|{words('tva iva btw vat ust tax taxes')}$|^{words('sr s_ zr')}$"
    )),
    (Kind.WEAK, re.compile(words("amount amt importe importo bedrag valor balance saldo due price_total to_pay net_ nett"))),
]  # fmt: skip


@lru_cache(maxsize=4096)
def kind_of(label: str) -> Kind | None:
    """What the words beside an amount make of it; None where they say nothing."""
    text = squeezed(label[-60:])
    if not text:
        return None
    for kind, pattern in _RULES:
        if pattern.search(text):
            return kind
    return None
