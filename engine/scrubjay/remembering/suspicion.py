"""What reads like a command to the assistant about memory, tools or secrecy, or like a credential.

Such text is stored as suspect: told, kept out of recall, and allowed to change nothing until the person confirms it. A
preference about the assistant's work ("always use async") is none of it. Patterns catch the usual forms and not a
determined author: they limit what stored text can do, and recall says that memories are statements, not instructions.
Every repetition in them has an end: hostile texts are long.
"""

import re
import unicodedata
from functools import cache

from scrubjay.texts import visible

_READER = r"(?:the |any )?(?:ai|llm|assistant|agent|model|claude|you)"
_PERSON = r"(?:the |your )?(?:user|human|person|owner|operator)"
# Where an order to the reader begins: a sentence, a clause, "please …", "the assistant must …", "wants you to …".
_ORDER = (
    r"(?:(?:^|[.!?:;,\n*>\"'(\[])\s{0,3}(?:(?:and|then|now|also|please|immediately|silently|secretly|always|first)\s){0,3}"
    r"|\b(?:please|immediately|silently|secretly|and then|and)\s"
    rf"|\b{_READER}\s(?:must|should|shall|will|needs? to|has to|have to)\s(?:now\s|always\s|immediately\s)?"
    rf"|\b(?:wants?\s{_READER}|task is(?: now)?)\sto\s)"
)
_NEVER = r"(?:do not|don't|never)"
_IGNORE = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|overrid(?:e|ing)|bypass(?:ing)?|forget|pay no attention to|set aside"
    rf"|(?:{_NEVER}|stop|quit|must not)\s(?:follow(?:ing)?|obey(?:ing)?))"
)
_INSTRUCTIONS = r"(?:instructions?|prompts?|directives?|guidelines?|guidance|orders)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|original|initial|system|existing)"
_OURS = r"(?!\s(?:of|in|on|from|for|about|when|at|with|to)\b)"  # "the instructions in the README" are somebody else's
_ERASE = r"(?:delete|erase|forget|wipe|clear|purge|destroy|remove|drop|overwrite|reset|corrupt)(?:\sout)?"
_ALL_OF = r"(?:(?:all|any|every|each|entire|the|your|its|of|stored|saved|whole|my|user's)\s){1,5}"
_MEMORIES = (
    r"(?:stored\s)?(?:memories|memory|facts you)\b(?!\s(?:cache|buffer|leak|usage|limit|stick|card|game|of\b|older))"
)
_OUR_TOOLS = r"(?:add_memory|update_memory|search_memories|list_memories|forget)"
_CLAUSE = r"(?:^|[.!?:;,\n]\s{0,3}|\bbitte\s)"

_COMMANDS = (
    # to disobey what came before
    rf"\b{_IGNORE}\s(?:(?:please|all|any|every|of|the|your|its|these|those)\s){{0,4}}{_EARLIER}\s(?:\w{{1,20}}\s)?(?:{_INSTRUCTIONS}|rules|messages)\b{_OURS}",
    rf"\b{_IGNORE}\s(?:all\s)?(?:of\s)?your\s(?:own\s)?(?:system prompt|{_INSTRUCTIONS}|rules|programming|training|safety)\b{_OURS}",
    rf"\b{_IGNORE}\s(?:all\s)?(?:of\s)?(?:the\s|your\s)?{_INSTRUCTIONS}\s(?:above|before this|you (?:were|have been) given)\b",
    rf"\b{_IGNORE}\s(?:all\s)(?:of\s)?(?:the\s|your\s)?{_INSTRUCTIONS}\b{_OURS}",
    rf"{_ORDER}(?:ignore|disregard|forget)\s(?:everything|anything|all|whatever|what)\s(?:[\w']{{1,20}}\s){{0,3}}?(?:above|before this|you (?:were|have been) (?:told|given|instructed))\b",
    rf"\b{_EARLIER}\s{_INSTRUCTIONS}\s(?:\w{{1,10}}\s){{0,2}}(?:void|cancell?ed|revoked|obsolete|no longer)",
    # about memory
    rf"{_ORDER}{_ERASE}\s{_ALL_OF}{_MEMORIES}",
    rf"{_ORDER}{_ERASE}\s(?:everything|anything|all|all (?:the )?(?:data|facts|records|information))\s(?:that\s)?(?:you (?:know|remember|have|ever|stored|learned)|about (?:me\b|{_PERSON}\b)|(?:i|we) (?:ever )?told you)",
    rf"\b{_ERASE}\s(?:all|every)\s(?:the\s)?(?:user's\s)?memor(?:y|ies)\s(?:about|and|from)\b|\ball memories (?:to be )?(?:deleted|erased|forgotten)\b",
    rf"{_ORDER}(?:replace|update|mark|overwrite|delete|erase)\s(?:all|every|each)\s(?:the\s)?(?:stored\s|saved\s)?(?:memor(?:y|ies)|facts)\b(?=\s?(?:$|[.!;,\n]|as|to|with|about))",
    rf"{_CLAUSE}(?:please\s)?forget everything[.!]?(?:$|\n)|{_ORDER}(?:delete|erase|wipe)\sall\s(?:of\s)?the user's\s",
    # about tools
    rf"\b{_OUR_TOOLS}\s?\(|\beverything\s?=\s?true|\bforget with everything|\bconfirm\s?=\s?[\"']?forget everything",
    rf"{_ORDER}(?:call|invoke|trigger|use|run|execute)\s(?:the\s|your\s)?(?:tool\s|function\s)?[`'\"]?{_OUR_TOOLS}\b[`'\"]?(?=\s(?:tool|function|with|to|and|now|on|for)\b|\s?[.!]?\s?$)",
    rf"{_ORDER}(?:send|forward|post|upload|exfiltrate|leak|transmit|e?mail)\s.{{0,60}}\b(?:memor(?:y|ies)|conversations?|chat history|system prompt|credentials|api keys|passwords|secrets|everything you (?:know|remember))\b.{{0,40}}(?:https?:|[\w.]@\w|\bwebhook|\bexternal (?:url|endpoint|server))",
    # about secrecy
    rf"\b{_NEVER}\s(?:tell|inform|alert|notify|warn)\s{_PERSON}\b\s?(?:$|[.!;,\n]|about (?:this|it|that|these|any)|of (?:this|it|that)|that you|what you|anything)",
    rf"\b{_NEVER}\s(?:mention|reveal|show|disclose|say|report|admit)\s(?:this|that|it|these|any of (?:this|it)|anything)\s(?:\w{{1,12}}\s)?to\s{_PERSON}\b",
    rf"\b{_NEVER}\slet\s{_PERSON}\s(?:know|see this|notice|find out)|\bwithout\s(?:letting\s)?{_PERSON}\s(?:know|notic|see)ing?\b,",
    rf"\b(?:must|should)\s(?:not\s)?be\s(?:hidden|kept|shown|revealed|mentioned)\s(?:secret\s)?(?:from|to)\s{_PERSON}\b\s?(?:$|[.!;,\n])",
    rf"\b(?:make sure|ensure)\s(?:that\s)?{_PERSON}\s(?:never|does not|doesn't)\s(?:learns?|knows?|sees?|finds?|notices?)",
    rf"\b(?:keep|hide|conceal)\s(?:this|it|that|these)\b.{{0,25}}\bfrom\s{_PERSON}\b|\b{_PERSON}\s(?:must|should)\s(?:not|never)\s(?:know|find out|learn|notice)\b",
    rf"{_ORDER}(?:do|send|forward|transfer|delete|erase|change|store|call|approve|pay|buy|share|upload|execute)\b.{{0,80}}\bwithout\s(?:telling|informing|asking|notifying)\s{_PERSON}\b",
    rf"\b{_NEVER}\s(?:reveal|disclose|mention)\s(?:these|this|your)\s(?:system\s)?(?:instructions?|prompt)\b",
    # in somebody else's name
    r"(?:^|\n)\s?[\[#*]{0,3}\s?system(?:\s(?:prompt|message|override|note))?\s?[\]*]{0,3}\s?:\s?(?:you\b|new\b|ignore|the (?:user|assistant)\b|obey|override|always\b|never\b|from now|disregard|delete)",
    r"<\|im_(?:start|end)\|>|<\s?(?:system|instructions?)\s?>[^<]{1,400}<\s?/|\[inst\][^\[]{0,400}\[/inst\]|\bsystem override\b",
    r"(?:^|[.\n#]\s?)(?:new|updated|important)\s(?:system\s)?instructions?\s?:\s?(?:you\b|always\b|never\b|from now|ignore|the assistant)",
    r"\b(?:note|message|attention|instructions?)\s?(?:to|for|:)?\s(?:the\s|any\s|all\s)?(?:ai|llm|language model)s?\b.{0,20}[:,]|\bif you are an? (?:ai|llm|language model)\b",
    r"\byou are (?:now )?dan\b(?! grade)|\byou are now (?:jailbroken|unrestricted|unfiltered|uncensored|in developer mode)|\b(?:act as|pretend to be).{0,25}\b(?:unrestricted|unfiltered)",
    r"\b(?:reveal|print|show|output|repeat)\s(?:me\s)?your\s(?:full\s|entire\s|hidden\s)?system prompt",
    # in other languages
    rf"{_CLAUSE}(?:oublie[zr]? tout ce que tu sais|olvida todo lo que sabes|esqueça tudo o que sabe|dimentica tutto quello che sai|vergiss alles, was du (?:über|weißt)|забудь(?:те)? вс[её], что)",
    rf"{_CLAUSE}(?:ne dis rien à l'utilisateur|no le digas nada al usuario|não conte (?:nada )?ao usuário|non dirlo all'utente|не говори(?:те)? пользовател)",
    rf"{_CLAUSE}(?:ignorieren? sie|ignoriere|missachte|vergiss)\s(?:bitte\s)?(?:(?:alle|die|sämtliche|deine)\s){{0,2}}(?:vorherig|bisherig|obig|früher|vorig|deine)\w{{0,3}}\s?(?:anweisung|instruktion|vorgabe|regel|befehl)",
    rf"{_CLAUSE}(?:lösche|vergiss|entferne|löschen sie)\s(?:bitte\s)?(?:(?:alle|sämtliche|deine|gespeicherten)\s){{1,3}}(?:erinnerung|gedächtnis)|\bsag dem (?:benutzer|nutzer) (?:nichts|es nicht)",
    rf"{_CLAUSE}(?:ignore[zr]?|oublie[zr]?)\s(?:(?:toutes?|les|tes|vos)\s){{1,2}}(?:instructions|consignes)\s?(?:précédentes|antérieures|ci-dessus|$|[.!,;]|et\b)|{_CLAUSE}(?:efface|supprime)[zr]?\s(?:tous|toutes)\s(?:les|tes|vos)\s(?:souvenirs|mémoires)",
    rf"{_CLAUSE}(?:ignor[ae]|olvid[ae]|esqueça|dimentica)\s(?:(?:todas|tutte|las|as|le|tus|suas|tue)\s){{1,2}}(?:instrucciones|instruções|istruzioni)\s?(?:anterior|previ|preced|$|[.!,;]|[ey]\b)",
    rf"{_CLAUSE}(?:borr[ae]|elimin[ae]|apagu?[ae]|cancell[ai])\s(?:tod[oa]s?|tutt[iae])\s(?:(?:l[oa]s?|[oa]s|[il]|le|tus)\s)?(?:memorias?|recuerdos|memórias?|memorie|ricordi)",
    r"(?:忽略|无视|無視|忘记|忘掉).{0,4}(?:之前|以上|上面|先前|所有).{0,6}(?:指令|指示|说明|規則|规则|提示)|(?:删除|刪除|清除|清空)(?:所有|全部|你的)的?(?:记忆|記憶)|不要告[诉訴]用[户戶]",
    r"(?:игнорируй|проигнорируй|забудь)(?:те)?\s(?:все\s)?(?:предыдущ\w{0,4}\s|прежн\w{0,4}\s)?(?:инструкци|указани)|(?:удали|сотри|очисти)(?:те)?\s(?:все\s|всю\s)?(?:воспоминани|память)",
    r"(?:以前|これまで|上記|前)の(?:指示|命令)を.{0,6}無視|(?:すべて|全て)の記憶を.{0,4}(?:削除|消)|이전 (?:지시|명령).{0,4}무시|모든 기억.{0,3}삭제",
)
_BETWEEN_WORDS = re.compile(r"[^\w.!?;\n]+|_+")

_KEY_FORMS = re.compile(
    r"(?<![\w-])sk-(?:(?:ant|proj|or|svcacct|admin)-[\w-]{8}|(?=[\w-]{0,60}\d)(?=[\w-]{0,60}[A-Z])[\w-]{20})"
    r"|\bgh[pousr]_[A-Za-z0-9]{20}|\bgithub_pat_\w{20}|\bA[KS]IA[0-9A-Z]{16}\b|\bxox[abprs]-[\w-]{10}|\bAIza[\w-]{30}"
    r"|\beyJ[\w-]{10,1000}\.[\w-]{10,1000}\.[\w-]{5}|-----BEGIN [A-Z ]{0,30}PRIVATE KEY|\bglpat-[\w-]{16}|\bhf_[A-Za-z0-9]{20}"
    r"|\bnpm_[A-Za-z0-9]{30}|\bpypi-[\w-]{16}|\b[sr]k_(?:live|test)_\w{14}|\bBearer\s[\w.-]{20}"
    r"|(?<![A-Za-z0-9+.-])[a-z][a-z0-9+.-]{1,15}://(?!user(?:name)?:pass(?:word)?@)[^\s:/@]{0,100}:[^\s:/@]{1,100}@"
)
_SECRET = (
    r"(?:pass\s?words?|pass\s?codes?|pass\s?phrases?|passwd|pwd|pw|(?<=_)pass|api[\s_-]?keys?|(?:secret|private)[\s_-]?(?:access[\s_-]?)?keys?"
    r"|client[\s_-]?secret|(?:access|auth|api|refresh)[\s_-]?tokens?|passwort|kennwort|mot de passe|contraseña|clave|senha|пароль|密码|密碼"
    r"|パスワード|비밀번호)"
)
_SOMETHING_ELSE = r"(?:manager|polic|reset|field|hash|generator|rule|strength|protect|length|rotation|input|prompt|screen|link|page|form)"
_NAMED_SECRET = re.compile(
    rf"(?<![a-z0-9]){_SECRET}(?![a-z0-9])(?:\s(?!{_SOMETHING_ELSE}|is\b|are\b)[\w'.-]{{1,30}}){{0,5}}?[\"']?\s?"
    r"(?P<says>\b(?:is|was|to|ist|lautet|est|es|é|è)\b|'s\b|=|:|：|是|为|為|는|은|は|\s[—-]\s):?\s?[\"'`“„«]?"
    r"(?P<value>[^\s\"'`”“»,;*]{3,200})(?P<rest>[^\n]{0,20})",
    re.IGNORECASE,
)
_SHORT_SECRET = re.compile(
    r"(?<![a-z0-9])(?:pin(?:[\s_-]?(?:codes?|number))?|cvv2?|cvc|otp|security code)(?:\s(?!length|in\b)[\w'-]{1,20}){0,3}?"
    r"\s?(?:\b(?:is|was|ist|lautet|est|es|é|è)\b|=|:)\s?[\"'`]?\d{3,8}(?!\w|\s(?:characters|digits|pieces))"
    r"|(?:^|\n)(?:pin|cvv|otp)\s\d{3,8}(?!\w)|\b(?:door|gate|alarm|safe) code(?: is|:)\s?\d{3,8}",
    re.IGNORECASE,
)
_BARE_SECRET = re.compile(
    rf"(?<![a-z0-9]){_SECRET}\s(?=\S{{0,100}}\d)(?=\S{{0,100}}[a-z])[^\s\"'`,;:()]{{6,100}}(?!\S)", re.IGNORECASE
)
_CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")
_NO_VALUE = re.compile(
    r"(?:str|string|int|none|null|true|false|yes|no|optional|required|hidden|env|n/a|tbd|x{3,}|\.{3,}|oauth2?|1password"
    r"|argon2\w{0,2}|bcrypt|sha-?\d{1,3}|base64\w{0,5}|md5|[\[<$({].{0,200}|(?:os|process|settings|config|self)\..{0,200}|\w{1,40}\(.{0,200})",
    re.IGNORECASE,
)
_COMPOUND = re.compile(r"-(?:\w{0,20}ed|\w{0,20}ing|only|less|free|based|able|long)", re.IGNORECASE)
_UNIT = re.compile(
    r"\s?(?:characters?|chars|letters|digits?|tokens?|bits?|bytes|minutes?|hours?|days?|zeichen)\b", re.IGNORECASE
)
_INNER_MARK = re.compile(r"[^\w'’/.()-]|\w-\w|_|[a-z][A-Z]")
_DERIVED_WORD = re.compile(r"\w{1,40}(?:ed|ing|al|ory|ive|able)")
_SHORTEST_LONE_WORD = 6
_CARD_STARTS = {3, 4, 5, 6}

_SENTENCES = re.compile(r"[^.!?。！？\n]*(?:[.!?](?!\s)[^.!?。！？\n]*)*[.!?。！？\n]*\s*", re.DOTALL)
_TAGS = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}  # invisible twins of ASCII, which models can read


def suspicion(text: str) -> str:
    """Return what a text reads like: "command", "credential", or "" for neither."""
    lines = unicodedata.normalize("NFKC", text.translate(_TAGS)).splitlines()
    plain = "\n".join(" ".join(visible(line).split()) for line in lines)
    shapes = any(form.search(plain) for form in (_KEY_FORMS, _SHORT_SECRET, _BARE_SECRET))
    if shapes or any(map(_is_secret, _NAMED_SECRET.finditer(plain))) or any(map(_is_card, _CARD.finditer(plain))):
        return "credential"
    folded = plain.casefold().replace("’", "'")
    words = _BETWEEN_WORDS.sub(" ", folded)  # "ignore, please, **all** previous instructions"
    to_disobey, *_ = commands = _compiled()
    is_command = to_disobey.search(words) or any(command.search(folded) for command in commands)
    return "command" if is_command else ""


@cache
def _compiled() -> "tuple[re.Pattern[str], ...]":
    """Return the patterns, compiled when the first text is judged: the handshake does not wait for that."""
    return tuple(re.compile(command) for command in _COMMANDS)


def set_apart(text: str) -> tuple[str, str]:
    """Return the harmless sentences of a text and the suspect ones, each as they stand; "" for what there is not.

    Where the rest is suspect even without them, all of it is.
    """
    if not suspicion(text):
        return text, ""
    sentences = _SENTENCES.findall(text)
    harmless = "".join(sentence for sentence in sentences if not suspicion(sentence)).strip()
    if not harmless or suspicion(harmless):
        return "", text
    return harmless, "".join(sentence for sentence in sentences if suspicion(sentence)).strip()


def _is_secret(found: "re.Match[str]") -> bool:
    """Whether what is said of a secret is its value, by its shape: a figure or a mark in it, or alone after a colon."""
    value, rest = found["value"].rstrip(".!?…。)"), found["rest"]
    if _NO_VALUE.fullmatch(value) or _COMPOUND.search(value) or _UNIT.match(rest) or value.startswith("http"):
        return False
    if any(character.isdigit() for character in value) or (found["says"] != "to" and _INNER_MARK.search(value)):
        return True
    alone = found["says"] in {":", "=", "："} and not rest.strip(" .!?")
    return alone and len(value) >= _SHORTEST_LONE_WORD and value.islower() and not _DERIVED_WORD.fullmatch(value)


def _is_card(found: "re.Match[str]") -> bool:
    """Whether a long number has the check digit of a payment card (ISO/IEC 7812-1, the Luhn formula)."""
    digits = [int(character) for character in found.group() if character.isdigit()][::-1]
    doubled = (sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(digits))
    return digits[-1] in _CARD_STARTS and sum(doubled) % 10 == 0
