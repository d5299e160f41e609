"""Honest text in many languages and of many kinds, and what broken fonts make of it."""

# ruff: noqa: RUF001 - letters that look like others are what other languages are written in

from __future__ import annotations

import random
import string
from typing import Final

LANGUAGES: Final = {
    "English": "The bridge was closed for three weeks while the engineers replaced the bearings. Traffic went over the "
    "old road, which had been repaired the summer before, and nobody was late for the harvest market.",
    "German": "Die Brücke blieb drei Wochen lang gesperrt, während die Ingenieure die Lager austauschten. Der Verkehr "
    "floss über die alte Straße, und niemand kam zu spät zum Erntemarkt. Größere Schäden gab es keine.",
    "French": "Le pont est resté fermé trois semaines pendant que les ingénieurs remplaçaient les appuis. Les voitures "
    "passaient par l'ancienne route, réparée l'été précédent, et personne n'a manqué le marché.",
    "Polish": "Most był zamknięty przez trzy tygodnie, podczas gdy inżynierowie wymieniali łożyska. Ruch skierowano "
    "na starą drogę, którą naprawiono poprzedniego lata, i nikt nie spóźnił się na targ.",
    "Finnish": "Silta oli suljettuna kolme viikkoa, kun insinöörit vaihtoivat laakereita. Liikenne kulki vanhaa tietä "
    "pitkin, joka oli korjattu edellisenä kesänä, eikä kukaan myöhästynyt markkinoilta.",
    "Turkish": "Mühendisler yatakları değiştirirken köprü üç hafta boyunca kapalı kaldı. Trafik geçen yaz onarılan "
    "eski yoldan sağlandı ve hiç kimse hasat pazarına geç kalmadı. Büyük bir hasar da olmadı.",
    "Vietnamese": "Cây cầu bị đóng cửa trong ba tuần khi các kỹ sư thay các gối đỡ. Xe cộ đi theo con đường cũ đã được "
    "sửa chữa vào mùa hè năm trước, và không ai đến muộn phiên chợ mùa gặt của làng.",
    "Welsh": "Bu'r bont ar gau am dair wythnos tra oedd y peirianwyr yn newid y berynnau. Aeth y traffig dros yr hen "
    "ffordd, a gafodd ei thrwsio yr haf cynt, ac nid oedd neb yn hwyr i'r farchnad.",
    "Czech": "Most byl tři týdny uzavřen, zatímco inženýři vyměňovali ložiska. Doprava vedla po staré silnici, která "
    "byla loni v létě opravena, a nikdo nepřišel na trh pozdě. Větší škody nevznikly.",
    "Russian": "Мост был закрыт три недели, пока инженеры меняли опоры. Движение шло по старой дороге, которую "
    "починили прошлым летом, и никто не опоздал на ярмарку урожая. Больших повреждений не было.",
    "Ukrainian": "Міст був закритий три тижні, поки інженери замінювали опори. Рух ішов старою дорогою, яку "
    "відремонтували минулого літа, і ніхто не запізнився на ярмарок. Великих пошкоджень не було.",
    "Greek": "Η γέφυρα έμεινε κλειστή τρεις εβδομάδες όσο οι μηχανικοί άλλαζαν τα στηρίγματα. Η κίνηση γινόταν από "
    "τον παλιό δρόμο και κανείς δεν άργησε στο παζάρι της σοδειάς.",
    "Arabic": "ظل الجسر مغلقا ثلاثة أسابيع بينما كان المهندسون يستبدلون المحامل. سارت المركبات على الطريق القديم الذي "
    "أصلح في الصيف الماضي ولم يتأخر أحد عن سوق الحصاد.",
    "Hebrew": "הגשר היה סגור שלושה שבועות בזמן שהמהנדסים החליפו את המסבים. התנועה עברה בדרך הישנה שתוקנה בקיץ הקודם.",
    "Chinese": "工程师更换支座期间，大桥关闭了三个星期。车辆改走去年夏天"
    "修好的旧路，没有人误了丰收集市。没有发生大的损坏。",
    "Japanese": "技師たちが支承を交換するあいだ、橋は三週間閉鎖された。車"
    "は前の夏に直された古い道を通り、市に遅れた人はいなかった。",
    "Korean": "기술자들이 받침을 교체하는 동안 다리는 삼 주 동안"
    " 폐쇄되었다. 차들은 지난여름에 고친 옛길로 다녔고 장에 늦은 사람은 없었다.",
    "Thai": "สะพานถูกปิดเป็นเวลาสามสัปดาห์ในขณะที่วิศวกรเปลี่ยนตลับลูกปืน รถวิ่งไปตามถนนสายเก่าที่ซ่"
    "อมแซมเมื่อฤดูร้อนปีที่แล้ว",
    "Hindi": "इंजीनियरों द्वारा बेयरिंग बदले जाने के दौरान पुल तीन सप्ताह तक बंद रहा। यातायात पुरानी सड़क से होकर गया।",
}  # fmt: skip

_RANDOM: Final = random.Random(7)  # noqa: S311 - the same each time is the point


def _parts() -> str:
    names = ("Hex bolt zinc", "Washer spring", "Gasket NBR", "Brkt mtg assy", "Scr pan hd ph")
    return "\n".join(
        f"{row:3} XK-{_RANDOM.randrange(9999)}-{_RANDOM.choice('QZX')} {_RANDOM.choice(names)} "
        f"{_RANDOM.randrange(90)} EA {_RANDOM.random() * 90:.2f}"
        for row in range(40)
    )


KINDS: Final = {
    "a table of numbers": " ".join(f"{_RANDOM.random() * 1e6:,.2f}" for _ in range(300)),
    "a list of parts": _parts(),
    "code": """def merge(left, right):
    out = []
    while left and right:
        queue = left if left[0] <= right[0] else right
        out.append(queue.pop(0))
    return out + left + right  # whatever is left

for (int i = 0; i < len; ++i) { ptr[i] = src[i] ^ key[i % klen]; if (ptr[i] == EOF) break; }
struct node { struct node *next, *prev; uint32_t hash; char name[64]; };
""",
    "hexadecimal": " ".join(f"{_RANDOM.randrange(65536):04x}" for _ in range(300)),
    "base 64": "\n".join(
        "".join(_RANDOM.choice(string.ascii_letters + string.digits) for _ in range(64)) for _ in range(20)
    ),
    "a sequence of bases": "".join(_RANDOM.choice("ACGT") for _ in range(600)),
    "capitals": LANGUAGES["German"].upper(),
    "many languages": "\n".join(LANGUAGES.values()),
}

HONEST: Final = LANGUAGES | KINDS


def shifted(text: str, by: int) -> str:
    """Each Latin letter replaced by the one that comes `by` later."""
    lower, upper = string.ascii_lowercase, string.ascii_uppercase
    return text.translate(str.maketrans(lower + upper, lower[by:] + lower[:by] + upper[by:] + upper[:by]))


def glyph_numbers(text: str) -> str:
    """What a TrueType font without a map to Unicode gives: its glyphs' numbers, 29 less than ASCII."""
    return "".join(character if character == " " else chr(max(33, ord(character) - 29)) for character in text)


def renumbered(text: str) -> str:
    """Letters numbered as they come, as a subset font has them: the first is an `a`, the next new one a `b`."""
    order = {
        letter: string.ascii_letters[number] for number, letter in enumerate(dict.fromkeys(filter(str.isalpha, text)))
    }
    return "".join(order.get(character, character) for character in text)


RUBBISH: Final = {
    **{f"shifted by {by}": shifted(LANGUAGES["English"], by) for by in (1, 3, 7, 13, 19)},
    "German, shifted": shifted(LANGUAGES["German"], 5),
    "numbers of glyphs": glyph_numbers(LANGUAGES["English"]),
    "renumbered": renumbered(LANGUAGES["French"]),
    "half of it shifted": 3 * LANGUAGES["English"] + shifted(3 * LANGUAGES["English"], 3),
    "Cyrillic as Latin 1": LANGUAGES["Russian"].encode("cp1251").decode("cp1252", "ignore"),
    "Greek as Latin 1": LANGUAGES["Greek"].encode("cp1253").decode("cp1252", "ignore"),
    "KOI8 as Windows 1251": LANGUAGES["Russian"].encode("koi8_r").decode("cp1251", "ignore"),
    "UTF-8 as Latin 1": LANGUAGES["Russian"].encode().decode("cp1252", "ignore"),
}
"""What fonts mapped wrongly make of honest text."""
