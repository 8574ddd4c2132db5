"""The pictures of the page: where things stand, and how columns are counted."""

from datetime import timedelta

from records import NOON, record
from scrubjay.graph.projection import project
from scrubjay.journeys.surveying import Life
from scrubjay.types import MemoryRecord, Relation
from scrubjay_server.dashboard.drawing import HEIGHT, MOST_NODES, WIDTH, picture_of, spoken
from scrubjay_server.dashboard.growth import chart_of, client_of, shares_of
from scrubjay_server.dashboard.showing import SHORT_CHARS, shortened

DAY = timedelta(days=1)


def related(number: int, one: str, predicate: str, other: str, category: str = "") -> MemoryRecord:
    relation = Relation(subject=one, predicate=predicate, object=other)
    return record(f"m{number}", relations=(relation,), entities=(one, other), category=category)


def life(days: float, *, until: float | None = None, origin: str = "") -> Life:
    return Life(since=NOON + days * DAY, until=None if until is None else NOON + until * DAY, origin=origin)


def test_nodes_stand_within_the_picture_and_at_the_same_places_each_time() -> None:
    facts = [related(n, f"Person {n % 7}", "knows", f"Place {n % 5}") for n in range(35)]
    picture = picture_of(project(facts), facts)
    assert picture == picture_of(project(facts), facts)
    assert len(picture.nodes) == 12
    assert all(0 < node.x < WIDTH and 0 < node.y < HEIGHT for node in picture.nodes)
    assert len({(node.x, node.y) for node in picture.nodes}) == 12
    assert picture.left_out == 0


def test_the_most_connected_are_drawn_when_there_are_too_many() -> None:
    facts = [related(n, "Ana", "knows", f"Person {n}") for n in range(100)]
    picture = picture_of(project(facts), facts)
    assert len(picture.nodes) == MOST_NODES
    assert picture.nodes[0].name == "Ana"
    assert picture.left_out == 101 - MOST_NODES
    assert len(picture.lines) == MOST_NODES - 1


def test_a_line_is_what_is_said_or_that_one_memory_names_both() -> None:
    facts = [
        related(1, "Ana", "works_at", "Acme"),
        related(2, "Ana", "runs", "Acme"),
        record("m3", entities=("Ben", "Acme")),
        record("m4", entities=tuple(f"Item {n}" for n in range(9))),
    ]
    said = sorted(line.said for line in picture_of(project(facts), facts).lines)
    assert said == ["", "Ana works at Acme; Ana runs Acme"]


def test_people_are_told_from_work_by_what_is_said_about_them() -> None:
    facts = [
        related(1, "Jonas", "brother_of", "Ana", "relationship"),
        related(2, "Ana", "works_at", "Acme", "project"),
        related(3, "Ana", "likes", "Tea", "preference"),
    ]
    kinds = {node.name: node.kind for node in picture_of(project(facts), facts).nodes}
    assert kinds == {"Jonas": "people", "Ana": "work", "Acme": "work", "Tea": "life"}


def test_a_picture_of_nothing_has_nothing_in_it_and_of_one_thing_one() -> None:
    assert picture_of(project([]), []).nodes == ()
    alone = [record("m1", entities=("Ana",))]
    picture = picture_of(project(alone), alone)
    assert [(node.name, node.x, node.y) for node in picture.nodes] == [("Ana", WIDTH / 2, HEIGHT / 2)]


def test_a_predicate_is_read_as_words() -> None:
    assert spoken("works_at") == "works at"
    assert "\n" not in spoken("a\nb")


def test_columns_count_what_came_and_what_held() -> None:
    lives = [life(0), life(0.1, until=2.6), life(2), life(2.2, until=2.3)]
    chart = chart_of(lives, now=NOON + 3.2 * DAY)
    assert chart.span == "day"
    assert [(column.came, column.known) for column in chart.columns] == [(2, 2), (0, 2), (2, 3), (0, 2)]
    assert chart.columns[0].name == "20 November 2026"


def test_columns_widen_with_the_time_they_cover() -> None:
    spans = {days: chart_of([life(0)], now=NOON + days * DAY) for days in (0, 35, 60, 700, 4000)}
    assert {days: chart.span for days, chart in spans.items()} == {
        0: "day", 35: "day", 60: "week", 700: "month", 4000: "year",
    }  # fmt: skip
    assert all(1 <= len(chart.columns) <= 36 for chart in spans.values())
    assert all(sum(column.came for column in chart.columns) == 1 for chart in spans.values())
    assert [column.name for column in spans[700].columns][:2] == ["November 2026", "December 2026"]
    assert spans[60].columns[0].name == "week of 16 November 2026"


def test_lives_older_than_the_first_column_count_in_it() -> None:
    chart = chart_of([life(-40_000), life(0)], now=NOON)
    assert chart.span == "year"
    assert len(chart.columns) == 36
    assert sum(column.came for column in chart.columns) == 2


def test_a_chart_of_nothing_has_no_columns() -> None:
    assert chart_of([], now=NOON).columns == ()


def test_each_client_has_its_share_whoever_read_its_words() -> None:
    lives = [life(0, origin="desk via claude"), life(0, origin="desk"), life(0, origin="cli", until=1)]
    shares = shares_of(lives, now=NOON + 2 * DAY)
    assert [(share.client, share.added, share.holding, share.percent) for share in shares] == [
        ("desk", 2, 2, 66.7),
        ("cli", 1, 0, 33.3),
    ]
    assert client_of("") == ""


def test_long_texts_are_shown_by_their_beginning() -> None:
    assert shortened("a\nb") == "a\nb"
    assert shortened("word " * 40_000) == f"{' '.join(['word'] * 84)[: SHORT_CHARS - 1].rstrip()}…"
    assert len(shortened("\n".join("x" * 20))) < 60
