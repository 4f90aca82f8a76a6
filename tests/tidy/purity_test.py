"""Pure folders reach no clock, thread, lock, file or random device: a run replays from its seed."""

import re

import tidy

# What may not stand there (comments and strings do not count), and what to do instead.
TIME = "time comes in as an argument (Now)"
THREAD = "the host owns the threads; a pure object is stepped by one at a time"
FORBIDDEN = [
    (r"::now\s*\(", TIME),
    (r"\b(clock_gettime|gettimeofday|timespec_get)\b", TIME),
    (r"\b(u|nano|clock_nano)?sleep(_for|_until)?\b", "ask for a later step through next_deadline()"),
    (r"<(thread|mutex|shared_mutex|condition_variable|future|semaphore)>", THREAD),
    (r"\bthread_local\b", THREAD),
    (r"<(fstream|filesystem)>", "files are reached through storage's Disk"),
    (r"\brandom_device\b", "randomness comes in as base's seeded generator"),
    (r"\b[a-z_]+_distribution\b", "its output differs between libraries; use base's generator"),
    (r"\bboost/asio\b", "Asio belongs to net, host and client"),
]


def check(root):
    failures = []
    for folder, layer in tidy.layers(root).items():
        if layer.kind != "pure":
            continue
        for path in tidy.sources(root / "src" / folder):
            for number, line in enumerate(tidy.code_only(path.read_text()).splitlines(), start=1):
                for pattern, instead in FORBIDDEN:
                    found = re.search(pattern, line)
                    if found:
                        failures.append(f"{path.relative_to(root).as_posix()}:{number}: "
                                        f"{found[0]} in a pure folder; {instead}")
    return failures


GOOD = {
    "src/LAYERS": "base  pure  -\nhost  edge  base  Asio\n",
    "src/base/a.hpp": "#include <chrono>\n"
                      "// Never calls Clock::now(), never sleeps: sleep is the host's.\n"
                      "/* <thread>\n   random_device */ int asleep = 1'000; char c = '\\'';\n"
                      "const char* text = \"sleep // <mutex>\";\n",
    "src/host/b.cpp": "#include <thread>\nauto t = std::chrono::steady_clock::now();\n",
}

BAD = [
    (token, {"src/base/a.hpp": f"// one\n{code}\n"}, [rf"^src/base/a\.hpp:2: .*{token}.*pure"])
    for token, code in [
        ("::now", "auto t = Clock::now();"),
        ("clock_gettime", "clock_gettime(0, nullptr);"),
        ("sleep_for", "std::this_thread::sleep_for(x);"),
        ("usleep", "int n = 1'000; /* why */ usleep(n);"),
        ("<thread>", "#include <thread>"),
        ("<mutex>", "#  include <mutex> // a remark"),
        ("<fstream>", "#include <fstream>"),
        ("random_device", "std::random_device device;"),
        ("uniform_int_distribution", "std::uniform_int_distribution<int> d;"),
        ("boost/asio", "#include <boost/asio/post.hpp>"),
        ("boost/asio", '#include "boost/asio/post.hpp"'),
    ]
]

if __name__ == "__main__":
    tidy.run(check, GOOD, BAD)
