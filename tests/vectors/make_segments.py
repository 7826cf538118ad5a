"""Writes segments.jsonl: what three independent counters say of 10,000 texts.

    pip install smsutil==1.1.3
    npm install --no-save split-sms@0.1.7 sms-segments-calculator@1.3.0     (in the folder this is run from)
    python make_segments.py > segments.jsonl

The first line holds the alphabets. Each further line is `[text, coding, units, parts]` where the three agree, else
`[text, coding, units, smsutil, split-sms, sms-segments-calculator]`. A text is written as runs, `g37.5 x2.1`: 37 pieces
of alphabet `g` from its piece 5 on, then 2 of `x` from piece 1 on, round and round. `coding` is 7 or 16, `units` are septets
or UTF-16 units, both by smsutil. The same seed gives the same bytes.
"""
import json
import os
import random
import subprocess
import sys

import smsutil

SEED = 23038
TEXTS = 10_000
ALPHABETS = {
    # The whole basic table, without CR: see `n`.
    "g": list("@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
              "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"),
    # The extension table.
    "x": list("^{}\\[~]|€\f"),
    # What a reminder is made of.
    "l": list("Oak Street: visit Tue 24 Nov, 9:15 AM. https://kept.example/l#c4rn2 Reply 1 to confirm. STOP to end. "),
    "a": ["a"],
    # Spanish as it is written: half of its accents are inside the alphabet, half are not.
    "s": list("Clínica Peña: su cita es el miércoles 2 a las 9:15. ¿Podrá venir? Más información aquí: número único, corazón. "),
    "c": list("ж Напоминание о приёме в среду."),
    "h": list("明日の予約は九時十五分です。病院"),
    # Beyond the basic plane: two units each.
    "e": list("👍🏥📅😀🎉𝒜𐍈"),
    # Typographic.
    "t": list("’‘“”—–…\u00a0\t`«»•"),
    # What people see as one character and the network sends as several: only surrogate pairs may not be split.
    "z": ["👍🏽", "👩\u200d⚕\ufe0f", "🇪🇸", "e\u0301", "👨\u200d👩\u200d👧", "ñ\u0303"],
    # Line ends of Windows.
    "n": ["\r\n", "a"],
    "r": ["\r", "b"],
    # The escape code itself: no character of the alphabet.
    "k": ["\x1b"],
}
# Which alphabets a text is mixed from, and how often such texts come.
MIXES = [("la", 8), ("gl", 10), ("gx", 12), ("lx", 12), ("ax", 6), ("gr", 2), ("ls", 8), ("sx", 4), ("lc", 6), ("c", 4),
         ("le", 8), ("ce", 8), ("e", 3), ("he", 4), ("h", 3), ("lt", 6), ("gt", 3), ("ct", 2), ("lz", 2), ("ez", 2),
         ("ln", 1), ("lk", 1)]
# Lengths at which a part more begins, in units, single texts first.
EDGES = [160, 153, 306, 459, 612, 70, 67, 134, 201, 268]


def expand(recipe):
    out = []
    for run in recipe.split():
        pieces = ALPHABETS[run[0]]
        count, start = map(int, run[1:].split("."))
        out.extend(pieces[(start + at) % len(pieces)] for at in range(count))
    return "".join(out)


def recipe_of(rng):
    mix = rng.choices([mix for mix, _ in MIXES], [often for _, often in MIXES])[0]
    near_edge = rng.random() < 0.7
    length = max(1, rng.choice(EDGES) + rng.randint(-4, 4)) if near_edge else rng.randint(1, 700)
    runs, left = [], length
    for _ in range(rng.randint(1, 4)):
        if left > 0:
            kind = rng.choice(mix)
            few = kind in "xe" and len(mix) > 1 and rng.random() < 0.6
            count = min(left, rng.randint(1, 4) if few else rng.randint(1, left))
            runs.append((kind, count))
            left -= count
    if left > 0:
        runs.append((mix[0], left))
    return " ".join(f"{kind}{count}.{rng.randrange(len(ALPHABETS[kind]))}" for kind, count in runs)


def main():
    rng = random.Random(SEED)
    recipes = []
    seen = set()
    while len(recipes) < TEXTS:
        recipe = recipe_of(rng)
        if recipe not in seen:
            seen.add(recipe)
            recipes.append(recipe)
    texts = [expand(recipe) for recipe in recipes]
    counter = os.path.join(os.path.dirname(os.path.abspath(__file__)), "count_segments.cjs")
    counted = subprocess.run(["node", counter], input=json.dumps(texts), capture_output=True, text=True, check=True)
    print(json.dumps({"alphabets": ALPHABETS}, ensure_ascii=False))
    for recipe, text, (split_sms, calculator) in zip(recipes, texts, json.loads(counted.stdout), strict=True):
        split = smsutil.split(text)
        seven = split.encoding == "gsm0338"
        units = split.total_bytes if seven else split.total_bytes // 2
        counts = [len(split.parts), split_sms, calculator]
        counts = counts[:1] if len(set(counts)) == 1 else counts
        print(json.dumps([recipe, 7 if seven else 16, units, *counts], ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    main()
