"""The BERT vocabulary (data, with its own licence beside it) and the tokenizer made of it."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_UNKNOWN = "[UNK]"
_CHARS_PER_TOKEN = 3
PAD_TOKEN = "[PAD]"  # noqa: S105 - a word of the vocabulary, not a secret


def bert_tokenizer() -> "Tokenizer":
    """Return a new WordPiece tokenizer, lower-casing, that adds [CLS] and [SEP] and neither cuts nor pads.

    Its ids are those of sentence-transformers/all-MiniLM-L6-v2 (compared on 201 sentences).
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    lines = files(__package__).joinpath("vocab.txt").read_text(encoding="utf-8").splitlines()
    id_by_word = {word: number for number, word in enumerate(lines)}
    tokenizer = Tokenizer(models.WordPiece(id_by_word, unk_token=_UNKNOWN, max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", id_by_word["[SEP]"]), ("[CLS]", id_by_word["[CLS]"]))
    tokenizer.add_special_tokens([PAD_TOKEN, _UNKNOWN, "[CLS]", "[SEP]", "[MASK]"])
    return tokenizer


@cache
def _counting() -> "Tokenizer":
    return bert_tokenizer()


def count_tokens(text: str) -> int:
    """Return the number of tokens in a text; an estimate for any model's tokenizer, on the high side.

    A word that the vocabulary cannot make (an emoji, a hundred letters in a row) counts by its length.
    """
    encoding = _counting().encode(text, add_special_tokens=False)
    unknown = sum(
        (end - start) // _CHARS_PER_TOKEN
        for (start, end), word in zip(encoding.offsets, encoding.tokens, strict=True)
        if word == _UNKNOWN
    )
    return len(encoding.ids) + unknown
