"""The benchmark of recall, as a process, on two small files of the data sets' forms."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.processes import environment

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "recall.py"
SUITES = ["locomo-turns", "locomo-sessions", "budget", "scores"]
SUITES += ["longmemeval-pool", "longmemeval-updates", "longmemeval-asof"]
SYSTEMS = ["Scrubjay", "BM25", "dense", "RRF k=60", "LanceDB hybrid"]
Rows = dict[str, list[dict[str, Any]]]


def turns(session: int, *said: tuple[str, str]) -> list[dict[str, str]]:
    return [
        {"speaker": speaker, "dia_id": f"D{session}:{number}", "text": text}
        for number, (speaker, text) in enumerate(said, start=1)
    ]


def conversation(name: str) -> dict[str, Any]:
    return {
        "sample_id": name,
        "conversation": {
            "speaker_a": "Ines",
            "speaker_b": "Tom",
            "session_1_date_time": "1:05 pm on 8 May, 2023",
            "session_1": turns(
                1,
                ("Ines", "I have adopted a greyhound called Biscuit from the shelter."),
                ("Tom", "My sourdough starter died while I was travelling."),
                ("Ines", "The bakery on the corner sells fresh yeast."),
            ),
            "session_2_date_time": "9:30 am on 3 June, 2023",
            "session_2": turns(
                2,
                ("Tom", "I have joined a choir; we rehearse every Thursday evening."),
                ("Ines", "My sister moved to Trondheim to study marine biology."),
            ),
        },
        "qa": [
            {"question": "What is the name of Ines's greyhound?", "category": 4, "evidence": ["D:1:1"]},
            {"question": "What became of Tom's sourdough starter?", "category": 1, "evidence": ["D1:2; D1:03"]},
            {"question": "When does Tom's choir rehearse?", "category": 2, "evidence": ["D2:1", "D9:9", "D"]},
            {"question": "What did Tom name his greyhound?", "category": 5, "evidence": ["D1:1"]},
            {"question": "Which car does Tom drive?", "category": 3, "evidence": ["D7:7"]},
        ],
        "observation": {
            "session_1_observation": {"Ines": [["Ines has a greyhound named Biscuit.", ["D1:1", "D1:3"]]]},
            "session_2_observation": {"Tom": [["Tom sings in a choir on Thursdays.", "D2:1"]]},
        },
    }


def entry(question: str, kind: str, date: str, *sessions: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "question_id": question,
        "question": question,
        "question_type": kind,
        "question_date": date,
        "haystack_session_ids": [session for session, _, _ in sessions],
        "haystack_dates": [said_at for _, said_at, _ in sessions],
        "haystack_sessions": [
            [
                {"role": "user", "content": said, "has_answer": True},
                {"role": "assistant", "content": "Thank you for telling me.", "has_answer": False},
            ]
            for _, _, said in sessions
        ],
        "answer_session_ids": [session for session, _, _ in sessions],
    }


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    folder = tmp_path_factory.mktemp("benchmark")
    locomo, longmemeval = folder / "locomo.json", folder / "longmemeval.json.gz"
    locomo.write_text(json.dumps([conversation("conv-26"), conversation("conv-1")]), encoding="utf-8")
    asked = [
        entry(
            "Where do I live now?",
            "knowledge-update",
            "2023/09/01 (Fri) 10:00",
            ("old", "2023/03/01 (Wed) 09:00", "I live in Lisbon now, in a flat by the river."),
            ("new", "2023/07/01 (Sat) 09:00", "I live in Turin now, in a house on the hill."),
        ),
        entry(
            "Which instrument am I learning?",
            "single-session-user",
            "2023/09/02 (Sat) 10:00",
            ("music", "2023/09/02 (Sat) 21:00", "I am learning to play the cello."),
        ),
    ]
    longmemeval.write_bytes(gzip.compress(json.dumps(asked).encode()))
    arguments = ["--locomo", str(locomo), "--longmemeval", str(longmemeval), "--suite", *SUITES, "--facts"]
    chart = folder / "chart.svg"
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *arguments, "--baselines", "--json", "--fitted-half", "--plot", str(chart)],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert chart.read_text(encoding="utf-8").startswith("<svg")
    return dict(json.loads(done.stdout))


def test_every_suite_has_its_tables(measured: dict[str, Rows]) -> None:
    assert list(measured) == SUITES
    assert all(rows for tables in measured.values() for rows in tables.values())


def test_the_turn_that_says_it_is_found_however_its_id_is_written(measured: dict[str, Rows]) -> None:
    rows = [row for row in measured["locomo-turns"][""] if row["system"] == "Scrubjay"]
    assert [(row["part"], row["questions"]) for row in rows] == [("fitted on", 3), ("held out", 3), ("all", 6)]
    assert [row["recall@10"] for row in rows] == [1, 1, 1]
    assert rows[0]["recall@10 95 %"] == [1, 1]
    assert rows[0]["MRR"] > 0.8


def test_the_baselines_answer_the_same_questions(measured: dict[str, Rows]) -> None:
    for suite in ("locomo-turns", "locomo-sessions", "longmemeval-pool"):
        rows = [row for row in measured[suite][""] if row["part"] == "all" and "facts" not in row["system"]]
        assert [row["system"] for row in rows] == SYSTEMS
        assert len({row["questions"] for row in rows}) == 1


def test_adversarial_questions_count_apart(measured: dict[str, Rows]) -> None:
    assert not any("adversarial" in column for row in measured["locomo-turns"]["recall@10 by kind"] for column in row)
    assert measured["locomo-sessions"]["recall@10 by kind"][0]["adversarial (2)"] == 1
    best = {row["questions"]: row["number"] for row in measured["scores"]["score of the best hit, LoCoMo"]}
    assert best == {"categories 1-4": 6, "adversarial": 2}
    kept = measured["scores"]["what min_score keeps, LoCoMo"]
    assert kept[0]["keep a gold hit"] == 1
    assert kept[0]["adversarial, nothing shown"] == 0


def test_a_fact_counts_for_the_turn_it_rests_on(measured: dict[str, Rows]) -> None:
    rows = [row for row in measured["locomo-turns"][""] if row["system"] == "Scrubjay, with facts"]
    assert [row["recall@10"] for row in rows] == [1, 1, 1]


def test_sessions_are_found_on_the_day_of_their_question(measured: dict[str, Rows]) -> None:
    rows = [row for row in measured["longmemeval-pool"][""] if row["system"] == "Scrubjay"]
    assert rows[-1]["questions"] == 2
    assert rows[-1]["any@1"] == rows[-1]["all@5"] == 1


def test_between_the_two_the_older_answers(measured: dict[str, Rows]) -> None:
    (asof,) = measured["longmemeval-asof"][""]
    assert asof["questions"] == asof["nothing later"] == asof["older first"] == asof["flip"] == 1
    updates = measured["longmemeval-updates"][""]
    assert [row["system"] for row in updates] == ["Scrubjay", "without updates", *SYSTEMS[1:]]
    assert {row["questions"] for row in updates} == {1}


def test_the_budget_shows_less_than_the_whole_conversation(measured: dict[str, Rows]) -> None:
    for row in measured["budget"][""]:
        assert 0 < row["hits shown"] <= 5
        assert 0 < row["tokens"] <= 500
        assert row["tokens of the conversation"] > 0
