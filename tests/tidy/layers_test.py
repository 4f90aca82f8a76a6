"""Every #include obeys src/LAYERS, and nothing includes itself in a circle."""

import re

import tidy

# How the packages of the table are spelt in an #include.
PACKAGES = {
    "xxHash": r"xxh(ash|3)\.h",
    "Outcome": r"boost/outcome/.*",
    "msgpack": r"msgpack(\.hpp|/.*)",
    "Boost.Serialization": r"boost/(archive|serialization)/.*",
    "Asio": r"boost/(asio(\.hpp|/.*)|system/.*)",
    "Beast": r"boost/beast(\.hpp|/.*)",
    "OpenSSL": r"openssl/.*",
    "nlohmann-json": r"nlohmann/.*",
    "zstd": r"zstd(_errors)?\.h|zdict\.h",
    "RocksDB": r"rocksdb/.*",
    "spdlog": r"(spdlog|fmt)/.*",
    "prometheus-cpp": r"prometheus/.*",
    "CLI11": r"CLI/.*",
    "toml++": r"toml\+\+/.*|toml\.hpp",
}

STANDARD = re.compile(r"[a-z_0-9]+")                  # <vector>, <cstdint>
SYSTEM = re.compile(r"([a-z0-9_]+/)*[a-z0-9_]+\.h")   # <unistd.h>, <sys/file.h>: edges only

# The public headers are std only, but for these.
PUBLIC_PACKAGES = {"result.hpp": "Outcome", "asio.hpp": "Asio"}


def package_of(name):
    for package, pattern in PACKAGES.items():
        if re.fullmatch(pattern, name):
            return package
    return None


def wrong_folder_include(folder, layer, name):
    """Why "name" may not stand in the folder, or None."""
    first, slash, rest = name.partition("/")
    allowed = ", ".join(f"{f}/..." for f in [folder, *layer.folders])
    if not slash:
        return f'"{name}" does not say whose it is; write "{folder}/{name}"'
    if first == "causeway":
        return f"public headers are included as <{name}>"
    if first != folder and first not in layer.folders:
        return f"{folder} may not include {name}; src/LAYERS allows it {allowed}"
    return None


def wrong_outside_include(folder, layer, name):
    """Why <name> may not stand in the folder, or None."""
    if name.startswith("causeway/"):
        if name == "causeway/asio.hpp" and layer.kind == "pure":
            return f"{folder} is pure and <{name}> brings Asio; include the header of the type"
        return None
    if STANDARD.fullmatch(name):
        return None
    package = package_of(name)
    if package == "Outcome":
        return "only <causeway/result.hpp> names Outcome; include that"
    if package:
        if package in layer.packages:
            return None
        allowed = ", ".join(layer.packages) or "no package"
        return f"{folder} may not use {package}; src/LAYERS allows it {allowed}"
    if SYSTEM.fullmatch(name):
        if layer.kind == "pure":
            return f"{folder} is pure: <{name}> is the system's; C++ headers only (<cstdint>)"
        return None
    return f"<{name}> belongs to no package that tests/tidy/layers_test.py knows; add it there"


def wrong_public_include(header, name):
    if name.startswith("causeway/"):
        if name == "causeway/asio.hpp":
            return "apps that do not want Asio include this header; leave <causeway/asio.hpp> out"
        return None
    if STANDARD.fullmatch(name):
        return None
    extra = PUBLIC_PACKAGES.get(header)
    if extra and package_of(name) == extra:
        return None
    allowed = "std and <causeway/...>" + (f" and {extra}" if extra else "")
    return f"public {header} may include {allowed}, not {name}"


def table_failures(root, table):
    failures, above = [], []
    for folder, layer in table.items():
        for name in layer.folders:
            if name not in above:
                failures.append(f"src/LAYERS:{layer.line_number}: {folder} may include {name}, "
                                "which is not above it; lower lines build on higher ones")
            elif layer.kind == "pure" and table[name].kind == "edge":
                failures.append(f"src/LAYERS:{layer.line_number}: {folder} is pure and may "
                                f"include {name}, which is not; make {folder} an edge")
        for package in layer.packages:
            if package not in PACKAGES:
                failures.append(f"src/LAYERS:{layer.line_number}: package {package} is unknown; "
                                "add its headers to tests/tidy/layers_test.py")
        above.append(folder)
    for directory in sorted(p for p in (root / "src").iterdir() if p.is_dir()):
        if directory.name not in table:
            failures.append(f"src/{directory.name}:1: is not in src/LAYERS; add a line there")
    return failures


def cycle_failures(root, edges):
    """The first circle found from each file; edges: {file: [(line, file)]}, relative to src."""
    failures, done = [], set()

    def visit(file, trail):
        if file in done:
            return
        for line, target in edges.get(file, []):
            if target in trail:
                circle = " -> ".join([*trail[trail.index(target):], target])
                failures.append(f"src/{file}:{line}: includes go in a circle: {circle}; "
                                "move what both need to a third file")
            else:
                visit(target, [*trail, target])
        done.add(file)

    for file in sorted(edges):
        visit(file, [file])
    return failures


def check(root):
    table = tidy.layers(root)
    failures = table_failures(root, table)
    edges = {}
    for folder, layer in table.items():
        for path in tidy.sources(root / "src" / folder):
            file = path.relative_to(root / "src").as_posix()
            edges[file] = []
            for line, quote, name in tidy.includes(path):
                if quote == '"':
                    wrong = wrong_folder_include(folder, layer, name)
                    edges[file].append((line, name))
                else:
                    wrong = wrong_outside_include(folder, layer, name)
                if wrong:
                    failures.append(f"src/{file}:{line}: {wrong}")
    for path in tidy.sources(root / "include" / "causeway"):
        for line, _, name in tidy.includes(path):
            wrong = wrong_public_include(path.name, name)
            if wrong:
                failures.append(f"include/causeway/{path.name}:{line}: {wrong}")
    return failures + cycle_failures(root, edges)


GOOD = {
    "src/LAYERS": "# a remark\n"
                  "base       pure  -            xxHash (and a remark, with a comma)\n"
                  "kv         pure  base\n"
                  "consensus  pure  base\n"
                  "net        edge  base kv      Asio, RocksDB\n",
    "src/base/a.hpp": "#include <vector>\n#include <causeway/result.hpp>\n#include <xxhash.h>\n",
    "src/kv/b.cpp": '#include "base/a.hpp"\n#include "kv/b.hpp"\n// #include "net/c.hpp"\n',
    "src/kv/b.hpp": "",
    "src/net/c.cpp": "#include <utility>\n#include <unistd.h>\n#include <boost/asio/read.hpp>\n",
    "include/causeway/result.hpp": "#include <boost/outcome/try.hpp>\n",
    "include/causeway/store.hpp": "#include <causeway/result.hpp>\n#include <string>\n",
}

BAD = [
    ("a folder below", {"src/kv/b.hpp": '\n#include "net/c.hpp"\n'},
     [r"^src/kv/b\.hpp:2: kv may not include net/c\.hpp; .* allows it kv/\.\.\., base/\.\.\."]),
    ("a sibling", {"src/consensus/r.hpp": '#include "kv/b.hpp"'}, [r"^src/consensus/r\.hpp:1: "]),
    ("no folder named", {"src/kv/b.cpp": '#include "b.hpp"'}, [r":1: .* write \"kv/b\.hpp\""]),
    ("a package that is not listed", {"src/kv/b.hpp": "#include <rocksdb/db.h>"},
     [r"^src/kv/b\.hpp:1: kv may not use RocksDB; .* no package"]),
    ("an unknown package", {"src/net/c.cpp": "#include <boost/regex.hpp>"}, [r"belongs to no pack"]),
    ("Outcome elsewhere", {"src/base/a.hpp": "#include <boost/outcome/try.hpp>"}, [r"result\.hpp"]),
    ("the system in a pure folder", {"src/kv/b.hpp": "#include <unistd.h>"}, [r"is the system's"]),
    ("Asio through a public header", {"src/kv/b.hpp": "#include <causeway/asio.hpp>"}, [r"is pure"]),
    ("Asio in a public header", {"include/causeway/store.hpp": "\n\n#include <boost/asio.hpp>"},
     [r"^include/causeway/store\.hpp:3: public store\.hpp may include std"]),
    ("our own header in a public one", {"include/causeway/store.hpp": '#include "base/a.hpp"'},
     [r"^include/causeway/store\.hpp:1: "]),
    ("a circle of files", {"src/kv/b.hpp": '#include "kv/d.hpp"',
                           "src/kv/d.hpp": '\n#include "kv/b.hpp"'},
     [r"^src/kv/d\.hpp:2: includes go in a circle: kv/b\.hpp -> kv/d\.hpp -> kv/b\.hpp"]),
    ("a folder without a line", {"src/extra/e.cpp": ""}, [r"^src/extra:1: is not in src/LAYERS"]),
    ("a table that points down", {"src/LAYERS": GOOD["src/LAYERS"].replace(
        "kv         pure  base\n", "kv         pure  base net\n")}, [r"^src/LAYERS:3: .* net"]),
]

if __name__ == "__main__":
    tidy.run(check, GOOD, BAD)
