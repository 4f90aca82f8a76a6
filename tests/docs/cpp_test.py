"""The C++ in the documents compiles, against the public headers alone.

    cpp_test.py ROOT BIN_DIR COMPILER
"""

import pathlib
import subprocess
import sys

import documents

# Of a piece that is no program: it stands in one.
PROLOGUE = """\
#include <chrono>
#include <causeway/client.hpp>
#include <causeway/node.hpp>
int main() {
"""


def main(root, _, compiler):
    failures, compiled = 0, 0
    names = ["README.md", *sorted(p.relative_to(root).as_posix()
                                  for p in pathlib.Path(root, "docs").glob("*.md"))]
    for name in names:
        for block in documents.blocks(root, name):
            if not documents.is_cpp(block):
                continue
            compiled += 1
            # Errors name line and document.
            source = f'#line {block.lines[0][0]} "{name}"\n{block.text()}\n'
            if "int main" not in block.text():
                source = f"{PROLOGUE}{source}}}\n"
            result = subprocess.run(
                [compiler, "-std=c++20", "-fsyntax-only", "-I", f"{root}/include", "-x", "c++", "-"],
                input=source, text=True, timeout=120)
            failures += result.returncode != 0
    if compiled == 0:
        sys.exit("no C++ was found in the documents: README.md has some, so the parser is wrong")
    if failures:
        sys.exit(f"{failures} of {compiled} pieces of C++ in the documents do not compile")
    print(f"{compiled} pieces of C++ in the documents compile")


if __name__ == "__main__":
    main(*sys.argv[1:])
