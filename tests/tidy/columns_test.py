"""No line of C++ is longer than 100 columns. clang-format sees to code, and leaves comments alone."""

import tidy
from paths_test import repository_files

COLUMNS_MAX = 100


def check(root):
    failures = []
    for path in repository_files(root):
        if path.suffix not in (".cpp", ".hpp"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if len(line) > COLUMNS_MAX:
                failures.append(f"{path.relative_to(root).as_posix()}:{number}: "
                                f"{len(line)} columns, more than {COLUMNS_MAX}; break the line")
    return failures


GOOD = {
    "src/a.cpp": "// " + "x" * 97 + "\n",
    "src/b.hpp": "// " + "─" * 97 + "\n",  # columns, not bytes
    "docs/a.md": "x" * 150 + "\n",
}

BAD = [("a long comment", {"src/a.cpp": "int a;\n// " + "x" * 98 + "\n"},
        [r"^src/a\.cpp:2: 101 columns"])]

if __name__ == "__main__":
    tidy.run(check, GOOD, BAD)
