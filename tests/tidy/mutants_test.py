"""Every deliberate bug in tests/mutants applies to the tree and names the rule that it breaks.

A patch that applies nowhere proves nothing, and two that break the same statement prove it twice.
What the bugs do, and whether they are found, is scripts/mutants' matter.
"""

import os
import re
import subprocess

import tidy

COUNT_MIN = 30
LINE_MAX = 100
HEADS = ("Breaks", "Rule")


def heads_of(lines):
    """The head lines, without their words; None where one is missing or empty."""
    found = [re.fullmatch(word + r": (\S.*)", line) for word, line in zip(HEADS, lines)]
    return [match and match[1] for match in found] + [None] * (len(HEADS) - len(found))


def refusal(root, path):
    """What git says when the patch does not apply to the files below root; else nothing."""
    # A tree in a repository, or below one, and one without are all just files.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.parent)}
    command = ["git", "-c", "safe.directory=*", "apply", "--check", str(path)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    return done.stderr.strip().splitlines()[0] if done.returncode != 0 else ""


def check(root):
    failures, patches, rules, numbers = [], sorted(root.glob("tests/mutants/*")), {}, {}
    pure = {folder for folder, layer in tidy.layers(root).items() if layer.kind == "pure"}
    good = 0
    for path in patches:
        before = len(failures)
        place = path.relative_to(root).as_posix()
        lines = path.read_text().splitlines()
        name = re.fullmatch(r"([0-9]{2,})-[a-z0-9]+(-[a-z0-9]+)*\.patch", path.name)
        if not name:
            failures.append(f"{place}:1: not named NN-what-it-does.patch")
        elif numbers.setdefault(name[1], place) != place:
            failures.append(f"{place}:1: has the number of {numbers[name[1]]}")
        for number, (word, text) in enumerate(zip(HEADS, heads_of(lines)), start=1):
            if text is None:
                failures.append(f"{place}:{number}: this line must be \"{word}: ...\"")
            elif len(lines[number - 1]) > LINE_MAX:
                failures.append(f"{place}:{number}: longer than {LINE_MAX} columns")
        rule = heads_of(lines)[1]
        if rule is not None and rules.setdefault(rule, place) != place:
            failures.append(f"{place}:2: {rules[rule]} breaks the same rule")
        for number, line in enumerate(lines, start=1):
            touched = re.match(r"\+\+\+ b/(?:src/([a-z]+)/)?", line)
            if touched and touched[1] not in pure - {"sim"}:
                failures.append(f"{place}:{number}: a bug stands in a pure folder of src, not in "
                                "the simulator: else no simulation reaches it")
        if reason := refusal(root, path):
            failures.append(f"{place}:1: does not apply: {reason}; make it anew, or drop it")
        good += len(failures) == before
    if good < COUNT_MIN:
        failures.append(f"tests/mutants:1: {good} good mutants; at least {COUNT_MIN}")
    return failures


_LAYERS = "kv  pure  -\nsim  pure  kv\nhost  edge  kv\n"


def _patch(number, rule=None, folder="kv", old="old"):
    return (f"Breaks: what it does\nRule: {rule or f'rule {number}'}\n\n"
            f"--- a/src/{folder}/x.cpp\n+++ b/src/{folder}/x.cpp\n"
            f"@@ -1,3 +1,3 @@\n one\n-{old}\n+new\n three\n")


GOOD = {f"tests/mutants/{n:02}-bug.patch": _patch(n) for n in range(1, COUNT_MIN + 1)} | {
    f"src/{folder}/x.cpp": "one\nold\nthree\n" for folder in ("kv", "sim", "host")} | {
    "src/LAYERS": _LAYERS}

_NEW = "tests/mutants/99-new.patch"

BAD = [
    ("a patch that does not apply", {_NEW: _patch(99, old="older")},
     [rf"^{_NEW}:1: does not apply"]),
    ("too few", {"tests/mutants/07-bug.patch": _patch(7, old="older")},
     [r"^tests/mutants/07-bug.patch:1: does not apply", r"^tests/mutants:1: 29 good mutants"]),
    ("a patch of a file that is gone", {_NEW: _patch(99).replace("x.cpp", "y.cpp")},
     [rf"^{_NEW}:1: does not apply"]),
    ("not a patch", {_NEW: "Breaks: x\nRule: y\n\nwords\n"}, [rf"^{_NEW}:1: does not apply"]),
    ("no word of what it breaks", {_NEW: _patch(99).replace("Breaks", "Does")},
     [rf'^{_NEW}:1: this line must be "Breaks: ']),
    ("an empty rule", {_NEW: _patch(99).replace("rule 99", "")}, [rf"^{_NEW}:2: .*Rule: "]),
    ("a long line", {_NEW: _patch(99, rule=100 * "x")}, [rf"^{_NEW}:2: longer than 100"]),
    ("two mutants of one rule", {_NEW: _patch(99, rule="rule 7")},
     [rf"^{_NEW}:2: tests/mutants/07-bug.patch breaks the same rule"]),
    ("two with one number", {"tests/mutants/07-late.patch": _patch(99)},
     [r"^tests/mutants/07-late.patch:1: has the number of tests/mutants/07-bug.patch"]),
    ("another name", {"tests/mutants/Bug.patch": _patch(99)},
     [r"^tests/mutants/Bug.patch:1: not named"]),
    ("a bug that no simulation reaches", {_NEW: _patch(99, folder="host")},
     [rf"^{_NEW}:5: a bug stands in a pure folder"]),
    ("a bug in the simulator", {_NEW: _patch(99, folder="sim")},
     [rf"^{_NEW}:5: a bug stands in a pure folder"]),
    ("an empty file", {_NEW: ""},
     [rf'^{_NEW}:1: this line must be "Breaks', rf'^{_NEW}:2: this line must be "Rule',
      rf"^{_NEW}:1: does not apply"]),
]

if __name__ == "__main__":
    tidy.run(check, GOOD, BAD)
