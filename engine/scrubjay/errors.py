"""Every deliberate error of the engine.

ScrubjayError
├── InvalidInput            an argument is malformed, too long, or contradicts another
├── OwnerRequired           a call names no user, agent or session
├── NotAllowed              the caller may not do this; `needed` names the scope that it takes
├── MemoryNotFound          no memory of this caller has that id (malformed, unknown and foreign ids read the same)
├── ConfigurationError      a setting names something that does not exist or does not fit
├── ExtractionError         what was said could not be read for facts; it is kept, and can be read later
│   ├── AnswerTooLong       the answer was cut off twice; fewer words at once may do
│   └── ExtractorUnavailable  nothing can be read now: unreachable, overloaded, rate-limited, or the key is refused
│       └── ExtractionTimeout  no answer came in time
├── EmbeddingError          texts cannot be turned into vectors
│   └── ModelUnavailable    the model's files are not here and cannot be fetched
└── StoreError              the store failed; nothing was half-written
    ├── StoreBusy           another process holds the owner's lock for too long
    └── EmbeddingMismatch   the table was written with another embedding model
"""


class ScrubjayError(Exception):
    """Base of every error that Scrubjay raises on purpose; its text is fit for a person or a model to read."""


class InvalidInput(ScrubjayError):
    """An argument cannot be used; `field` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field


class OwnerRequired(ScrubjayError):
    """A read or write names no owner."""


class NotAllowed(ScrubjayError):
    """The caller may not do this: it takes the scope `needed`."""

    def __init__(self, needed: str) -> None:
        super().__init__(f"this takes the scope '{needed}', which the token does not have; ask for one that has it")
        self.needed = needed


class MemoryNotFound(ScrubjayError):
    """No memory of this caller has the id `memory_id`."""

    def __init__(self, memory_id: str) -> None:
        super().__init__(f"no memory has the id {memory_id[:60]!r}; list or search the memories to see their ids")
        self.memory_id = memory_id


class ConfigurationError(ScrubjayError):
    """A setting is wrong; the text says which and what to set instead."""


class ExtractionError(ScrubjayError):
    """These messages could not be read for facts; they are kept as they were said."""


class AnswerTooLong(ExtractionError):
    """The extractor's answer did not fit, not even into the larger limit."""


class ExtractorUnavailable(ExtractionError):
    """The extractor cannot work at all now, whatever it is given.

    `temporary`: the same request may succeed in a moment; `retry_after_s` says when, if the service said so.
    """

    def __init__(self, problem: str, *, temporary: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(problem)
        self.temporary = temporary
        self.retry_after_s = retry_after_s


class ExtractionTimeout(ExtractorUnavailable):
    """No answer came within the time that reading may take; the words may be the cause, or the service."""


class EmbeddingError(ScrubjayError):
    """Texts could not be embedded."""


class ModelUnavailable(EmbeddingError):
    """The files of the embedding model `model` are not on this machine and cannot be fetched."""

    def __init__(self, model: str, problem: str) -> None:
        super().__init__(
            f"the embedding model {model!r} is not available: {problem}. "
            "Unset SCRUBJAY_EMBEDDING_MODEL to use the bundled one, name a local folder, or connect and try again"
        )
        self.model = model


class StoreError(ScrubjayError):
    """The store could not do what was asked; what was acknowledged before is unharmed."""


class StoreBusy(StoreError):
    """The owner's lock was not free in time."""


class EmbeddingMismatch(StoreError):
    """The table was written with another embedding model than the one in use."""

    def __init__(self, *, stored: str, current: str) -> None:
        super().__init__(
            f"these memories were embedded with {stored}, but the current model is {current}. "
            "Set SCRUBJAY_EMBEDDING_MODEL back, or change the memories' model with `scrubjay reembed`"
        )
        self.stored = stored
        self.current = current
