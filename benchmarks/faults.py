"""What happens when the model's service fails: a table of faults, each through the real SDK against loopback.

    python benchmarks/faults.py [--json]

For each kind of fault, at the first call and in the middle of a long input: how long the caller waited beside what it
may wait, whether all that was said is found, and whether each fact is stored exactly once when the service is back.
The faults are those of tests/reading/test_faults.py, which checks the same without a clock.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from loopback import Messages, running
from reading.test_faults import FAULTS, SAID, after, facts
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.extraction.claude import ClaudeExtractor

TIMEOUT_S, WAIT_S = 3.0, 2.0


def trial(embedder: FastembedEmbedder, name: str, calls_before: int) -> dict[str, Any]:
    with running(Messages()) as model, tempfile.TemporaryDirectory() as folder:
        after(calls_before, FAULTS[name].replies(model), model)
        extractor = ClaudeExtractor(api_key="key", base_url=model.url)
        with Memory(
            folder, embedder=embedder, extractor=extractor, extract_timeout_s=TIMEOUT_S, add_wait_s=WAIT_S
        ) as memory:
            started = time.perf_counter()
            memory.add([{"name": "Ana", "content": text} for text in SAID], user_id="ana")
            waited_s = time.perf_counter() - started
            found = sum(
                text in [hit["memory"].removeprefix("Noted: ") for hit in memory.search(text, user_id="ana")]
                for text in SAID
            )
            model.recover()
            started = time.perf_counter()
            memory.extract()
            stored = facts(memory)
            return {
                "fault": name,
                "at": "the first call" if not calls_before else "a later call",
                "waited s": round(waited_s, 2),
                "found": f"{found}/{len(SAID)}",
                "facts once": f"{sum(count == 1 for count in stored.values())}/{len(SAID)}",
                "well": waited_s < WAIT_S + 1 and found == len(SAID) and stored == expected(),
            }


def expected() -> Counter[str]:
    return Counter(f"Noted: {text}" for text in SAID)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    embedder = FastembedEmbedder()
    embedder.embed_query("warm up")
    trials = []
    if not options.json:
        print(f"the caller waits {WAIT_S:g} s at most; reading a window may take {TIMEOUT_S:g} s")
        print(f"{'fault':42} {'at':16} {'waited s':>8} {'found':>7} {'facts once':>11}")
    for name in FAULTS:
        for calls_before in (0, 1):
            trials.append(trial(embedder, name, calls_before))
            if not options.json:
                one = trials[-1]
                print(
                    f"{one['fault']:42} {one['at']:16} {one['waited s']:8.2f} {one['found']:>7} {one['facts once']:>11}"
                    f"{'' if one['well'] else '  NOT WELL'}"
                )
    if options.json:
        print(json.dumps(trials, indent=2))
    sys.exit(0 if all(one["well"] for one in trials) else 1)


if __name__ == "__main__":
    main()
