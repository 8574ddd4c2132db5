"""What is not worth reading or keeping: greetings, thanks, acknowledgements, emoji. Everything else passes."""

import re
import unicodedata

# Closed lists: a word that is not here passes, and so does whatever may be an answer, a name or a place ("no", "yes",
# "sure", "Nice", "Ty"). One entry per thing said; several in a row ("Hi! Thanks a lot.") are small talk as well.
_PHRASES = (
    # English
    "hi|hello|hey|hey there|hi there|hello there|hello again|good morning|good afternoon|good evening|good night|"
    "bye|goodbye|good bye|see you|see you later|see you soon|talk to you later|take care|"
    "thanks|thank you|thanks a lot|thanks so much|thank you so much|thank you very much|many thanks|thx|cheers|"
    "you re welcome|you are welcome|no problem|no worries|my pleasure|"
    "ok|okay|alright|all right|got it|i see|understood|makes sense|sounds good|cool|great|awesome|perfect|wow|"
    "lol|haha|hahaha|hmm|mhm|uh huh|how are you|how are you doing|how s it going|what s up|nice to meet you|"
    # German, Dutch
    "hallo|guten morgen|guten tag|guten abend|gute nacht|danke|danke schön|dankeschön|danke sehr|vielen dank|"
    "tschüss|tschüß|auf wiedersehen|alles klar|bedankt|dank je|dank je wel|goedemorgen|goedenavond|tot ziens|"
    # French, Spanish, Portuguese, Italian
    "bonjour|bonsoir|salut|merci|merci beaucoup|au revoir|d accord|de rien|"
    "hola|buenos días|buenas tardes|buenas noches|gracias|muchas gracias|adiós|de nada|hasta luego|"
    "olá|oi|bom dia|boa tarde|boa noite|obrigado|obrigada|muito obrigado|muito obrigada|tchau|"
    "ciao|buongiorno|buonasera|buonanotte|grazie|grazie mille|arrivederci|prego|"
    # Polish, Turkish, Russian
    "cześć|dzień dobry|dobry wieczór|dziękuję|dzięki|do widzenia|merhaba|teşekkürler|teşekkür ederim|"
    "привет|здравствуйте|доброе утро|добрый день|добрый вечер|спасибо|большое спасибо|до свидания|"
    # Arabic, Hindi
    "مرحبا|السلام عليكم|وعليكم السلام|صباح الخير|مساء الخير|شكرا|شكرا جزيلا|مع السلامة|नमस्ते|धन्यवाद|शुक्रिया|"
    # Chinese, Japanese, Korean
    "你好|您好|早上好|晚上好|晚安|谢谢|謝謝|谢谢你|再见|再見|好的|"
    "こんにちは|こんばんは|おはよう|おはようございます|おやすみ|おやすみなさい|ありがとう|ありがとうございます|"
    "さようなら|안녕하세요|안녕|감사합니다|고맙습니다|안녕히 가세요"
)
_LONGEST_FIRST = "|".join(sorted(set(_PHRASES.split("|")), key=len, reverse=True))
_ONLY_SMALL_TALK = re.compile(rf"(?>(?:{_LONGEST_FIRST})(?:\s+|$))++")  # atomic: nothing is tried twice
_LONGEST_CHARS = 200


def is_small_talk(text: str) -> bool:
    """Whether a message says nothing to remember: no word and no number at all, or greetings and thanks only.

    Measured on LoCoMo (2,760 turns of the five development conversations; `benchmarks/extraction.py` prints it): no
    turn that is the evidence of an answer is small talk.
    """
    words = _words_only(text)
    return not words or (len(words) <= _LONGEST_CHARS and _ONLY_SMALL_TALK.fullmatch(words) is not None)


def _words_only(text: str) -> str:
    """Return letters, marks and digits, case-folded; everything between them is one space."""
    folded = unicodedata.normalize("NFC", text).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" and not _is_part_of_emoji(c) else " " for c in folded)
    return " ".join(kept.split())


def _is_part_of_emoji(character: str) -> bool:
    return character in "\ufe0f\ufe0e\u20e3"
