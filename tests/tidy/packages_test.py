"""What the build uses is installed by scripts/setup, and README.md says what it is for."""

import re

import tidy

# Each Debian package: what README.md's table calls it (None: a tool, for which scripts/setup's own
# comment is enough), and what CMake calls it.
KNOWN = {
    "g++": (None, "Threads"),
    "cmake": (None, None),
    "ninja-build": (None, None),
    "ccache": (None, None),
    "clang-format": (None, None),
    "git": (None, None),
    "pkg-config": (None, "PkgConfig"),
    "python3": (None, "Python3"),
    "libboost1.74-dev": ("Boost 1.74: Asio", "Boost"),
    "libboost-serialization1.74-dev": ("Boost 1.74: Serialization", "Boost"),
    "libmsgpack-cxx-dev": ("msgpack-cxx", "msgpack"),
    "libxxhash-dev": ("xxHash", "libxxhash"),
    "librocksdb-dev": ("RocksDB", "RocksDB"),
    "libspdlog-dev": ("spdlog", "spdlog"),
    "libfmt-dev": ("fmt", "fmt"),
    "libcli11-dev": ("CLI11", "CLI11"),
    "libtomlplusplus-dev": ("toml++", "tomlplusplus"),
    "nlohmann-json3-dev": ("nlohmann-json", "nlohmann_json"),
    "libgoogle-perftools-dev": ("tcmalloc", "libtcmalloc_minimal"),
    "doctest-dev": ("doctest", "doctest"),
    "librapidcheck-dev": ("RapidCheck", "rapidcheck"),
    "faketime": ("libfaketime", None),
    "libfaketime": ("libfaketime", None),
    "iproute2": ("iproute2", None),
    "nftables": ("nftables", None),
}
ALSO_IN_README = {"Boost 1.74: Outcome"}  # in libboost1.74-dev, too

CMAKE_FILES = ("CMakeLists.txt", "cmake/*.cmake", "cmake/*.cmake.in", "tests/CMakeLists.txt")


def packages_of_setup(root):
    """{package: line number}"""
    text = (root / "scripts/setup").read_text()
    begin = text.index("packages=(")
    end = text.index("\n)", begin)
    first = text.count("\n", 0, begin) + 1
    return {match[1]: number
            for number, line in enumerate(text[begin:end].splitlines(), start=first)
            if (match := re.match(r"  ([a-z0-9.+-]+)", line))}


def names_of_readme(root):
    """{name without its version: line number}, of the table under "What it stands on"."""
    names, here = {}, False
    for number, line in enumerate((root / "README.md").read_text().splitlines(), start=1):
        if line.startswith("## "):
            here = line == "## What it stands on"
        elif here and line.startswith("| ") and not line.startswith(("| package |", "| ---")):
            cell = line.split("|")[1].strip()
            for name in cell.split(", "):
                names[re.sub(r" [0-9][0-9.]*$", "", name)] = number
    return names


def names_of_cmake(root):
    """(file, line number, name) of every package that CMake looks for."""
    for pattern in CMAKE_FILES:
        for path in sorted(root.glob(pattern)):
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                match = re.match(r"\s*(?:find_package|find_dependency)\((\w+)", line) or re.match(
                    r"\s*pkg_check_modules\(.*IMPORTED_TARGET ([\w-]+)", line) or re.match(
                    r"\s*find_library\(\w+ ([\w-]+)\.a", line)
                if match:
                    yield path.relative_to(root).as_posix(), number, match[1]


def check(root):
    failures = []
    setup, readme = packages_of_setup(root), names_of_readme(root)
    for package, number in setup.items():
        if package not in KNOWN:
            failures.append(f"scripts/setup:{number}: {package} is new; give it a line in README.md's "
                            "table and in tests/tidy/packages_test.py")
        elif (name := KNOWN[package][0]) and name not in readme:
            failures.append(f"scripts/setup:{number}: README.md's table does not say what {package} "
                            f"is for; add {name}")
    installed = {KNOWN[package] for package in setup if package in KNOWN}
    expected = {name for name, _ in installed} | ALSO_IN_README
    for name, number in readme.items():
        if name not in expected:
            failures.append(f"README.md:{number}: scripts/setup does not install {name}")
    for file, number, name in names_of_cmake(root):
        if name not in {cmake for _, cmake in installed}:
            failures.append(f"{file}:{number}: scripts/setup does not install {name}")
    return failures


_SETUP = "packages=(\n  # Tools\n  g++   # the compiler\n{}  libspdlog-dev  # log\n)\n"
_README = ("## What it stands on\n\n| package | why |\n| --- | --- |\n| Boost 1.74: Outcome | x |\n"
           "{}\n## Next\n\n| a | b |\n")

GOOD = {"scripts/setup": _SETUP.format(""), "README.md": _README.format("| spdlog 1.10 | log |\n"),
        "cmake/X.cmake": "find_package(Threads REQUIRED)\nfind_package(spdlog CONFIG)\n"}

BAD = [
    ("a package without a reason", {"README.md": _README.format("")},
     [r"^scripts/setup:4: .*libspdlog-dev"]),
    ("a new package", {"scripts/setup": _SETUP.format("  libnew-dev\n")},
     [r"^scripts/setup:4: libnew-dev is new"]),
    ("a reason without a package",
     {"README.md": _README.format("| spdlog, fmt | log |\n")}, [r"^README.md:6: .* fmt$"]),
    ("a package that is used and not installed",
     {"tests/CMakeLists.txt": "find_package(doctest CONFIG)\n"},
     [r"^tests/CMakeLists.txt:1: .*doctest"]),
]

if __name__ == "__main__":
    tidy.run(check, GOOD, BAD)
