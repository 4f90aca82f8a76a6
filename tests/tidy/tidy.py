"""What the tidy tests share: reading our sources, and the proof that a test can fail.

A tidy test is a script <name>_test.py with a function check(root) that returns the failures as
"file:line: what is wrong; what is allowed", and that ends with run(check, good, bad).
"""

import pathlib
import re
import sys
import tempfile

SOURCE_SUFFIXES = {".cpp", ".hpp", ".h", ".ipp"}

_TOKEN = re.compile(
    r"""(?P<separator>(?<=[0-9a-fA-F])'(?=[0-9a-fA-F]))     # 1'000
      | (?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<string>R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"
                  |"(?:\\.|[^"\\\n])*"
                  |'(?:\\.|[^'\\\n])*')""",
    re.VERBOSE | re.DOTALL)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """The same lines with comments blanked out."""
    return _TOKEN.sub(lambda m: _blank(m[0]) if m["comment"] else m[0], text)


def code_only(text):
    """The same lines with comments, strings and characters blanked out; includes stay."""
    def keep(match):
        if match["separator"]:
            return match[0]
        line_start = text.rfind("\n", 0, match.start()) + 1
        if match["string"] and re.match(r"\s*#\s*include\b", text[line_start:match.start()]):
            return match[0]
        return _blank(match[0])
    return _TOKEN.sub(keep, text)


def sources(directory):
    """Our C++ files below a directory, in a stable order."""
    return sorted(p for p in directory.rglob("*") if p.suffix in SOURCE_SUFFIXES)


def includes(path):
    """(line number, '<' or '"', name) for each #include of a file."""
    for number, line in enumerate(without_comments(path.read_text()).splitlines(), start=1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match[1], match[2]


class Layer:
    def __init__(self, line_number, kind, folders, packages):
        self.line_number, self.kind, self.folders, self.packages = (
            line_number, kind, folders, packages)


def layers(root):
    """src/LAYERS as {folder: Layer}, in the order of the file."""
    table = {}
    for number, line in enumerate((root / "src/LAYERS").read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(
            r"([a-z_]+) +(pure|edge)  (-|[a-z_]+(?: [a-z_]+)*)(?:  +(\S.*))?", line.rstrip())
        if not match:
            sys.exit(f"src/LAYERS:{number}: cannot read this line; see the head of that file")
        folder, kind, may_include, packages = match.groups(default="")
        names = re.sub(r"\([^)]*\)", "", packages)
        table[folder] = Layer(
            number, kind, [] if may_include == "-" else may_include.split(),
            [name.strip() for name in names.split(",") if name.strip()])
    return table


def write_tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _self_test(check, good, bad):
    """The good tree passes; each bad change to it gives exactly the failures it should."""
    cases = [("the good tree", {}, [])] + [(why, files, want) for why, files, want in bad]
    for why, files, want in cases:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            write_tree(root, {**good, **files})
            got = check(root)
        matches = len(got) == len(want) and all(
            re.search(pattern, line) for pattern, line in zip(want, got))
        if not matches:
            print(f"self-test: {why}: want {want}, got {got}")
            return False
    return True


def run(check, good, bad):
    """The main of a tidy test: first shows on small trees that it can fail, then judges argv[1]."""
    if not _self_test(check, good, bad):
        sys.exit(2)
    failures = check(pathlib.Path(sys.argv[1]).resolve())
    for failure in failures:
        print(failure)
    print(f"{len(bad)} bad trees refused as they should be; {len(failures)} failures in this one")
    sys.exit(1 if failures else 0)
