import pytest

from scrubjay.remembering.gate import is_small_talk


@pytest.mark.parametrize(
    "text",
    [
        "Hello!",
        "hi there",
        "Good morning :)",
        "Thanks a lot!!",
        "Thank you so much.",
        "ok",
        "OK.",
        "Okay, got it!",
        "ok thx",
        "Hi! How are you?",
        "You're welcome",
        "lol",
        "👍",
        "🎉🎉",
        "❤️",
        "...",
        "?!",
        " ",
        "Danke schön!",
        "Merci beaucoup",
        "¡Hola! Gracias.",
        "Спасибо!",
        "你好！",
        "谢谢你",
        "ありがとうございます！",
        "안녕하세요",
        "नमस्ते",
        "شكرا",
    ],
)
def test_greetings_thanks_acknowledgements_and_emoji_are_small_talk(text: str) -> None:
    assert is_small_talk(text)


@pytest.mark.parametrize("text", ["bye " * 50_000 + "x", "hi " * 50_000, "thanks a " * 20_000, "a." * 100_000])
def test_long_texts_are_no_riddle(text: str) -> None:
    assert not is_small_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm vegan",
        "Call me Ana",
        "no",
        "No.",
        "yes",
        "Nope",
        "sure",
        "never",
        "5 May",
        "2026-05-05",
        "42",
        "1️⃣",
        "Ana",
        "Nice",
        "Ty",
        "Hi Ana",
        "Thanks, I moved to Porto",
        "See you tomorrow",
        "ok let's use Postgres",
        "Ja",
        "nein",
        "да",
        "нет",
        "是",
        "いいえ",
        "我是素食者",
        "나는 비건이야",
        "أنا نباتي",
        "मैं शाकाहारी हूँ",
        "é",
        "C++",
        "x = 1",
    ],
)
def test_what_may_be_an_answer_a_name_a_date_or_a_fact_passes(text: str) -> None:
    assert not is_small_talk(text)
