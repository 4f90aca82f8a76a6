"""No file of the repository knows the machine it was written on."""

import subprocess

import tidy

# Spelt in two halves so that this file passes its own test.
FORBIDDEN = [
    ("/wo" "rk/", "write paths relative to the repository"),
    ("/ro" "ot/", "write paths relative to the repository, or $HOME"),
] + [(host, "scripts/setup installs from Debian, under whatever mirror that machine has") for host in (
    "deb.deb" "ian.org", "pypi" ".org", "pythonhosted" ".org", "registry.npm" "js.org",
    "proxy.go" "lang.org", "sum.go" "lang.org", "crates" ".io", "ruby" "gems.org",
    "conan" ".io", "arti" "factory")]


def repository_files(root):
    """What is tracked, or would be if all was added; of a tree without git, every file."""
    if (root / ".git").exists():
        command = ["git", "-C", str(root), "-c", "safe.directory=*", "ls-files", "-z",
                   "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        paths = [root / name for name in names.split("\0") if name]
    else:
        paths = root.rglob("*")
    return sorted(p for p in paths if p.is_file())


def check(root):
    failures = []
    for path in repository_files(root):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # a binary
        for number, line in enumerate(lines, start=1):
            for text, instead in FORBIDDEN:
                if text in line:
                    failures.append(
                        f"{path.relative_to(root).as_posix()}:{number}: names {text}; {instead}")
    return failures


GOOD = {"README.md": "work/ and root/ are fine, and so is https://example.org/\n"}

BAD = [(text, {"scripts/x": f"one\nsee {text}x\n"}, [r"^scripts/x:2: names "])
       for text, _ in FORBIDDEN]

if __name__ == "__main__":
    tidy.run(check, GOOD, BAD)
