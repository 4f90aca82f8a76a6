"""What a person types in scripts/: they explain themselves.

    scripts_test.py ROOT BIN_DIR COMPILER
"""

import os
import subprocess
import sys

PATIENCE = 120  # seconds


def run(words, **more):
    return subprocess.run(words, text=True, capture_output=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, **more)


def explains_itself(root, failures):
    for script in ("setup", "demo", "test", "bench"):
        path = os.path.join(root, "scripts", script)
        result = run([path, "--help"])
        if result.returncode != 0 or f"scripts/{script}" not in result.stdout:
            failures.append(f"scripts/{script} --help: exit {result.returncode}, {result.stdout}")
        if result.stdout.startswith("#") or "set -euo" in result.stdout:
            failures.append(f"scripts/{script} --help prints more than what its head says")
        # Said at once: nothing has been checked, installed or built before.
        words = ["release", "nonsense"] if script == "test" else ["--nonsense"]
        result = run([path, *words])
        if result.returncode != 2 or result.stdout or "nonsense" not in result.stderr:
            failures.append(f"scripts/{script} {' '.join(words)}: exit {result.returncode}, "
                            f'"{result.stdout}", "{result.stderr}"')


def main(root, _bin_dir, _compiler):
    failures = []
    explains_itself(root, failures)
    if failures:
        sys.exit("\n".join(failures))
    print("the scripts explain themselves")


if __name__ == "__main__":
    main(*sys.argv[1:])
