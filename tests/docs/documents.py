"""What the tests of the documents share: their code blocks, with what is said before each."""

import pathlib
import re
from dataclasses import dataclass, field


@dataclass
class Block:
    """Consecutive indented lines; blank lines between them belong to it."""
    document: str
    section: str                               # the heading above it
    before: str                                # the paragraph above it
    lines: list = field(default_factory=list)  # (line number, text)

    def where(self, number):
        return f"{self.document}:{number}"

    def text(self):
        return "\n".join(text for _, text in self.lines)


def blocks(root, document):
    """The indented code blocks of a document, in order."""
    found, section, paragraph, fresh, block = [], "", "", True, None
    for number, line in enumerate(pathlib.Path(root, document).read_text().splitlines(), start=1):
        if not line.strip():
            fresh = True
        elif line.startswith("    ") and (block or fresh):
            if not block:
                block = Block(document, section, paragraph)
                found.append(block)
            block.lines.append((number, line[4:]))
        else:
            block = None
            if line.startswith("#"):
                section, paragraph = line.lstrip("# "), ""
            else:
                paragraph = line if fresh else f"{paragraph} {line}"
            fresh = False
    return found


def is_cpp(block):
    return re.search(r"\bcauseway::|^#include\b", block.text(), re.MULTILINE) is not None


def is_shell(block):
    return re.match(r"(kvd|kvcli)\b", block.lines[0][1]) is not None
