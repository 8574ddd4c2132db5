"""What Scrubjay promises. Each promise is kept by at least one test marked with its id, and each mark names one."""

PROMISES = {
    "isolation": "One person's memory never reaches another: by id, by search, by list, by cursor, by name.",
    "idempotency": "Adding the same again stores nothing and says so.",
    "no-false-duplicate": "Texts that differ in a word that matters stay two memories, each related to the other.",
    "history": "What was superseded stays readable, and a question as of then finds it.",
    "as-of": "A question as of a date shows what was true then, and nothing that was said or became true later.",
    "erasure": "After forget no byte of text, vector, index or names is left in any file, whoever is killed meanwhile.",
    "durability": "What was acknowledged is there, whole and once, after a kill or a power cut.",
    "nothing-unread": "Whatever a model's service does, what was said is found, and its facts are stored exactly once.",
    "suspects": "What reads like a command or a credential is told, changes nothing, and waits to be confirmed.",
    "order": "Versions of a memory follow each other without a gap, and what was told first is listed as the first.",
    "backups": "A backup holds everything, and restoring it brings back nothing that was forgotten.",
    "expiry": "What has expired is erased like anything that was forgotten, and nothing else with it.",
    "concurrency": "Processes that write to one folder at once lose nothing and store nothing twice.",
    "all-or-nothing": "An add that fails has stored nothing.",
    "wire": "Nothing but the protocol is written to standard output.",
    "fast-start": "The tools are listed before LanceDB, onnxruntime or the weights are loaded.",
    "sessions": "Session memories need a session, show under no other one, and expire.",
    "private": "Nothing is kept outside the data folder, and nothing reports home.",
    "rest": "Over REST what is not understood is refused and named, and nothing that is sent breaks the server.",
    "literal-text": "Ids, filters and queries are data: no quote or word in them is ever read as a query language.",
}
