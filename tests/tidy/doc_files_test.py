"""Files that the documents name are there."""

import re

import tidy

# `src/x`, `docs/x.md`: as they stand. `node/writes`: src/node/writes.hpp or .cpp, where node is a folder of src.
TOP = {"bench", "cmake", "docs", "examples", "include", "packaging", "scripts", "src", "tests"}


def exists(root, folders, name):
    top = name.split("/")[0]
    if top in TOP:
        return (root / name).exists()
    if top not in folders:
        return True  # not ours to judge
    path = root / "src" / name
    return path.exists() or any(path.with_name(path.name + end).exists() for end in (".hpp", ".cpp"))


def check(root):
    failures = []
    folders = {path.name for path in (root / "src").iterdir() if path.is_dir()}
    for document in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        for number, line in enumerate(document.read_text().splitlines(), start=1):
            for name in re.findall(r"`([a-z_]+/[\w./-]*)`", line):
                if not exists(root, folders, name):
                    failures.append(f"{document.relative_to(root).as_posix()}:{number}: there is no "
                                    f"{name}; name a file that is there")
    return failures


GOOD = {
    "README.md": "See `docs/x.md`, `src/base/`, `base/hash`, `base/time.hpp`, `base/` and `a/b`.\n",
    "docs/x.md": "", "src/base/hash.cpp": "", "src/base/time.hpp": "",
}

BAD = [
    ("a document that is not there", {"README.md": "`docs/y.md`\n"}, [r"^README.md:1: .* docs/y.md"]),
    ("a source that was renamed", {"docs/x.md": "\nin `base/hash` and `base/hsah`\n"},
     [r"^docs/x.md:2: .* base/hsah"]),
    ("the wrong ending", {"docs/x.md": "`base/time.cpp`\n"}, [r"^docs/x.md:1: .* base/time.cpp"]),
]

if __name__ == "__main__":
    tidy.run(check, GOOD, BAD)
