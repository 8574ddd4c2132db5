"""What reads like a command to the assistant about memory, tools or secrecy, or like a credential.

Such text is stored as suspect: told, kept out of recall, and allowed to change nothing until the person confirms it. A
preference about the assistant's work ("always use async") is none of it. Patterns catch the usual forms and not a
determined author: they limit what stored text can do, and recall says that memories are statements, not instructions.
"""

import re
import unicodedata

from scrubjay.texts import visible

_EARLIER = (
    r"(?:previous|prior|above|earlier|preceding|existing|former|other|system|your|these|those|the|my|all|any|every)"
)
_RULES = r"(?:instructions?|rules?|prompts?|directives?|guidelines?|guardrails?|safety|context)"
_MEMORY = r"(?:memor(?:y|ies)|memory store|stored facts?|what you (?:know|remember|stored)|everything you (?:know|remember)|everything (?:i|we) (?:ever )?told you)"
_ERASE = r"(?:delete|erase|forget|wipe|clear|purge|destroy|remove|drop|overwrite|reset|corrupt)"
_TOOLS = r"(?:add_memory|update_memory|search_memories|list_memories|forget|bash|shell|terminal|browser|email|mail|http|web|file)"
_PERSON = r"(?:the )?(?:user|person|human|owner|operator|developer)"
_HIDE = r"(?:tell|inform|mention|reveal|show|disclose|say|report|admit)"
# Where an order begins: a sentence, a clause, or a sentence about what the assistant is to do.
_ORDER = r"(?:^|[.!?:;,\n\-*>\"'(\[]\s*|\b(?:and|then|now|please|must|should|shall|will|to|always|immediately|first|also)\s+)"

_COMMANDS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:ignore|disregard|override|bypass|forget)\s+(?:{_EARLIER}\s+){{1,4}}{_RULES}\b",
        r"\b(?:ignore|disregard|override|bypass)\s+(?:everything|anything|what(?:ever)?)\b.{0,30}\b(?:above|before|previous|told|said)",
        rf"{_ORDER}{_ERASE}\s+(?:(?:all|any|every|each|of|the|your|its|his|her|their|this|user'?s|stored|saved|previous|entire|whole|person'?s)\s+)*{_MEMORY}\b",
        rf"\b(?:do not|don'?t|never|without)\s+{_HIDE}(?:ing)?\s+(?:\w+\s+){{0,4}}?(?:to\s+)?{_PERSON}\b",
        rf"\bwithout\s+(?:telling|informing|asking|mentioning\s+(?:it|this)\s+to|the\s+knowledge\s+of)\s+{_PERSON}\b",
        rf"\b(?:keep|hide|conceal)\b.{{0,40}}\b(?:secret|hidden|confidential)?\s*from\s+{_PERSON}\b",
        r"\b(?:do not|don'?t|never)\s+(?:reveal|disclose|mention|repeat)\s+(?:these|this|the|your)\s+(?:system\s+)?(?:instructions?|prompts?|rules?|messages?)",
        rf"{_ORDER}(?:call|invoke|use|run|execute|trigger)\s+(?:the\s+|your\s+)?(?:tool|function|command)s?\b.{{0,60}}\b{_TOOLS}\b",
        rf"{_ORDER}(?:call|invoke|trigger|execute)\s+(?:the\s+|your\s+)?`?(?:add_memory|update_memory|search_memories|list_memories|forget)\b",
        r"\b(?:send|forward|post|upload|exfiltrate|leak|transmit)\b.{0,60}\b(?:memor(?:y|ies)|conversations?|chat history|system prompt|credentials|passwords|secrets)\b.{0,40}\bto\b.{0,40}(?:https?:|\w@\w|\bwebhook|\burl\b|\bexternal\b|\bendpoint)",
        r"(?:^|\n)\s*(?:new|updated|revised|important)\s+(?:system\s+)?(?:instructions?|directives?|prompt)\s*[:\-]",
        r"<\s*/?\s*(?:system|instructions?|im_start|im_end|assistant)\b[^>]*>|\[/?inst\]|<\|[a-z_]+\|>",
        r"(?:^|\n)\s*(?:system|developer)\s*(?:prompt|message|override)?\s*:\s*\S",
        r"\byou are (?:now|no longer)\b.{0,60}\b(?:dan|jailbroken|unrestricted|unfiltered|bound|restricted|an? (?:ai|assistant|language model))\b",
        r"\b(?:ignorier|ignoriere|ignoriert|vergiss|missachte)\b.{0,30}\b(?:anweisung|anweisungen|regeln|befehle)\b",
        r"\b(?:lösche|vergiss|entferne)\s+(?:alle|sämtliche|deine|jede)\b.{0,20}\b(?:erinnerung|erinnerungen|gedächtnis)\b",
        r"\b(?:ignore|ignorez|oublie|oubliez)\b.{0,20}\b(?:instructions|consignes|règles)\b",
        r"\b(?:efface|effacez|supprime|supprimez)\b.{0,20}\b(?:souvenirs|mémoires?)\b",
        r"\b(?:ignora|ignore|olvida|olvide)\b.{0,20}\b(?:instrucciones|instruções|istruzioni|reglas)\b",
        r"\b(?:borra|elimina|apaga|cancella)\b.{0,20}\b(?:memorias|recuerdos|memórias|memorie|ricordi)\b",
        r"(?:忽略|无视|忘记|忘掉).{0,10}(?:指令|指示|说明|规则)|(?:删除|清除|清空).{0,8}(?:记忆|记录)",
        r"(?:игнорируй|забудь|проигнорируй).{0,25}(?:инструкци|указани|правил)|(?:удали|сотри).{0,20}(?:воспоминани|памят)",
    )
)

_SENTENCES = re.compile(r"[^.!?。！？\n]*(?:[.!?](?!\s)[^.!?。！？\n]*)*[.!?。！？\n]*\s*", re.DOTALL)
_KEY_FORMS = re.compile(  # every repetition has an end: hostile texts are long
    r"\bsk-[A-Za-z0-9_\-]{16}|\bgh[pousr]_[A-Za-z0-9]{20}|\bgithub_pat_\w{20}|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[\w-]{10}"
    r"|\bAIza[\w-]{30}|\beyJ[\w-]{10,1000}\.[\w-]{10,1000}\.[\w-]{5}|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----|\bglpat-[\w-]{16}"
    r"|\bBearer\s{1,3}[A-Za-z0-9._\-]{20}|\b[a-z][a-z0-9+.-]{1,15}://[^\s:/@]{1,100}:[^\s:/@]{1,100}@"
)
_SECRET_NAMES = (
    r"(?:pass\s?words?|pass\s?codes?|pass\s?phrases?|api[\s_-]?keys?|secret[\s_-]?keys?|access[\s_-]?tokens?|auth[\s_-]?tokens?"
    r"|passwort|kennwort|mot de passe|contraseña|senha|пароль|密码|密碼|パスワード)"
)
_SHORT_SECRET_NAMES = r"(?:pins?|pin[\s_-]?(?:codes?|numbers?)|cvv|cvc|security codes?)"
_BETWEEN = r"(?:\s+(?!manager|polic|reset|field|hash|generator|rule|strength|protect)[\w'-]+){0,4}?\s*"
_SAYS = r"(?:\b(?:is|are|was|ist|lautet|est|es|é|è)\b|=|:|：|是|は|\s[—-]\s)\s*[\"'`“„«]?"
_NAMED_SECRET = re.compile(
    rf"(?<![a-z0-9]){_SECRET_NAMES}(?![a-z0-9]){_BETWEEN}{_SAYS}(?P<value>[^\s\"'`”“»,;*]{{3,}})", re.IGNORECASE
)
_SHORT_SECRET = re.compile(
    rf"(?<![a-z0-9]){_SHORT_SECRET_NAMES}(?![a-z0-9]){_BETWEEN}{_SAYS}\d{{3,8}}(?!\w)", re.IGNORECASE
)
_NOT_A_VALUE = re.compile(
    # What follows "my password is …" in ordinary sentences.
    r"(?:in|on|at|stored|saved|kept|written|not|too|so|very|really|quite|pretty|weak|strong|long|short|wrong|correct|"
    r"incorrect|expired|expiring|old|new|the|this|that|a|an|my|your|our|his|her|their|reset|needed|required|changed|different|"
    r"same|safe|unsafe|secure|insecure|always|never|for|with|from|generated|managed|hard|easy|lost|forgotten|what|how|"
    r"where|why|when|which|being|going|now|still|only|just|also|gone|set|shared|hidden|encrypted|hashed|broken|case|"
    r"simply|basically|probably|important|used|fine|okay|good|bad|great|useless|annoying|nothing|something|limited|"
    r"consistency|to|of|like|by|invalid|valid|missing|empty|revoked|rotated|about|because|it|he|she|they|we|i|you|"
    r"nicht|zu|im|in|auf|abgelaufen|falsch|richtig|trop|pas|dans|no|muy|en|não|muito|em|non|troppo)[.!?…]*",
    re.IGNORECASE,
)


def suspicion(text: str) -> str:
    """Return what a text reads like: "command", "credential", or "" for neither."""
    plain = unicodedata.normalize("NFKC", "\n".join(visible(line) for line in text.splitlines()))
    named = (found.group("value") for found in _NAMED_SECRET.finditer(plain))
    if _KEY_FORMS.search(plain) or _SHORT_SECRET.search(plain) or any(map(_is_secret, named)):
        return "credential"
    folded = plain.casefold().replace("’", "'")
    return "command" if any(command.search(folded) for command in _COMMANDS) else ""


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


def _is_secret(value: str) -> bool:
    return _NOT_A_VALUE.fullmatch(value) is None
