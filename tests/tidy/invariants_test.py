"""Every invariant that the simulator can call broken stands in docs/verification.md, and a header
of src/sim says what it means.

Its name is the one kind of text in src/sim that is words with hyphens between them.
"""

import re

import tidy

NAME = r"[a-z]+(?:-[a-z]+)+"
DOCUMENT = "docs/verification.md"
TABLE = r"^\| where \| invariants \|\n(?:\|.*\n)*"
ONE_WORD = {"availability", "linearizable", "convergence", "timely"}


def broken_in(root):
    """{name: first place in the code}"""
    places = {}
    for path in tidy.sources(root / "src/sim"):
        text = tidy.without_comments(path.read_text())
        for number, line in enumerate(text.splitlines(), start=1):
            for name in re.findall(r'"([a-z-]+)"', line):
                if re.fullmatch(NAME, name) or name in ONE_WORD:
                    places.setdefault(name, f"{path.relative_to(root).as_posix()}:{number}")
    return places


def named_in_table(root):
    text = (root / DOCUMENT).read_text()
    rows = re.search(TABLE, text, re.MULTILINE)
    return {name for row in rows[0].splitlines()[2:] for name in row.split("|")[2].strip().split(", ")}


def explained_in(root):
    """All words of the headers' comments."""
    words = set()
    for path in (root / "src/sim").glob("*.hpp"):
        for comment in re.findall(r"//.*", path.read_text()):
            words.update(re.findall(r"[a-z]+(?:-[a-z]+)*", comment))
    return words


def check(root):
    broken, named, explained = broken_in(root), named_in_table(root), explained_in(root)
    failures = [f"{place}: {name} is not in the table of {DOCUMENT}; add it there"
                for name, place in sorted(broken.items()) if name not in named]
    failures += [f"{place}: no header in src/sim says what {name} means; say it"
                 for name, place in sorted(broken.items()) if name not in explained]
    failures += [f"{DOCUMENT}:1: nothing breaks {name}; name what is there"
                 for name in sorted(named - set(broken))]
    return failures


GOOD = {
    DOCUMENT: "| where | invariants |\n| --- | --- |\n"
              "| `x` | vote-once, timely |\n| `y` | one-stamp |\n",
    "src/sim/x.hpp": "//   vote-once   no node votes twice\n/// timely, and: one-stamp\n",
    "src/sim/x.cpp": 'broken("vote-once"); broken("one-stamp");  // "not-this"\n'
                     'broken("timely", "a text");\n',
}

BAD = [
    ("one that the page lacks",
     {"src/sim/x.cpp": GOOD["src/sim/x.cpp"] + 'broken("own-writes");\n',
      "src/sim/y.hpp": "// own-writes\n"},
     [r"^src/sim/x.cpp:3: own-writes"]),
    ("one that no header explains", {"src/sim/x.hpp": "// timely, one-stamp\n"},
     [r"^src/sim/x.cpp:1: no header .* vote-once"]),
    ("one that is gone", {"src/sim/x.cpp": 'broken("vote-once"); broken("timely");\n'},
     [r"^docs/verification.md:1: nothing breaks one-stamp"]),
]

if __name__ == "__main__":
    tidy.run(check, GOOD, BAD)
