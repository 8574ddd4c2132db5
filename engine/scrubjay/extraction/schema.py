"""The form of an extractor's answer: what the model is held to, and how its answer is read."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError, model_validator

from scrubjay.errors import ExtractionError
from scrubjay.readings import About, Bearing, ExtractedFact
from scrubjay.types import Category, Relation

_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


SCHEMA = _object(
    {
        "items": {
            "type": "array",
            "items": _object(
                {
                    "source": {"type": "integer"},
                    "evidence": _TEXT,
                    "text": _TEXT,
                    "category": {"type": "string", "enum": list(Category)},
                    "about": {"type": "string", "enum": list(About)},
                    "relation": {"type": "string", "enum": list(Bearing)},
                    "targets": {"type": "array", "items": {"type": "integer"}},
                    "occurred": _TEXT,
                    "valid_from": _TEXT,
                    "valid_to": _TEXT,
                    "importance": {"type": "number"},
                    "entities": _TEXTS,
                    "relations": {
                        "type": "array",
                        "items": _object({"subject": _TEXT, "predicate": _TEXT, "object": _TEXT}),
                    },
                }
            ),
        }
    }
)
"""JSON schema of an answer. Everything is required and nothing is a union: "" and [] say that there is nothing."""


def _one_of(kind: type[Category | About | Bearing], fallback: str) -> BeforeValidator:
    """Read an enumeration in any letter case (its casing is not guaranteed); what it does not know is the fallback."""

    def read(value: object) -> object:
        word = value.strip().lower() if isinstance(value, str) else ""
        return word if word in set(kind) else fallback

    return BeforeValidator(read)


def _usable(kind: Any) -> BeforeValidator:
    """Read a list without the elements that are not of a kind: one odd element spoils no fact."""
    adapter = TypeAdapter(kind)

    def read(value: object) -> list[Any]:
        return [element for element in value if _is_valid(adapter, element)] if isinstance(value, list) else []

    return BeforeValidator(read)


def _is_valid(adapter: TypeAdapter[Any], element: object) -> bool:
    try:
        adapter.validate_python(element)
    except ValidationError:
        return False
    return True


class _Relation(BaseModel):
    subject: str
    predicate: str
    object: str


class _Item(BaseModel):
    model_config = ConfigDict(extra="ignore")

    source: int
    evidence: str
    text: str
    category: Annotated[Category, _one_of(Category, "other")] = Category.OTHER
    about: Annotated[About, _one_of(About, "user")] = About.USER
    relation: Annotated[Bearing, _one_of(Bearing, "new")] = Bearing.NEW
    targets: Annotated[list[int], _usable(int)] = []
    occurred: str = ""
    valid_from: str = ""
    valid_to: str = ""
    importance: float = 0.5
    entities: Annotated[list[str], _usable(str)] = []
    relations: Annotated[list[_Relation], _usable(_Relation)] = []

    @model_validator(mode="before")
    @classmethod
    def _null_says_nothing(cls, data: Any) -> Any:
        return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data

    def fact(self) -> ExtractedFact:
        return ExtractedFact(
            source=self.source,
            evidence=self.evidence,
            text=self.text,
            category=self.category,
            about=self.about,
            bearing=self.relation,
            targets=tuple(self.targets),
            occurred=self.occurred,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            importance=self.importance,
            entities=tuple(self.entities),
            relations=tuple(
                Relation(subject=one.subject, predicate=one.predicate, object=one.object) for one in self.relations
            ),
        )


def facts_in(answer: str) -> list[ExtractedFact]:
    """Return the facts in an answer, leaving out items that are not of the form.

    Raises ExtractionError when the answer is not of the form as a whole, or has items and none is.
    """
    try:
        items = json.loads(answer)["items"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ExtractionError("the model's answer is not of the form it was asked for") from error
    if not isinstance(items, list):
        raise ExtractionError("the model's answer is not of the form it was asked for")
    facts = [fact for item in items if (fact := _fact_in(item)) is not None]
    if items and not facts:
        raise ExtractionError("none of the facts in the model's answer is of the form it was asked for")
    return facts


def _fact_in(item: object) -> ExtractedFact | None:
    try:
        return _Item.model_validate(item).fact()
    except ValidationError:
        return None
