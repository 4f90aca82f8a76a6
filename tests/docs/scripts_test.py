"""What a person types in scripts/: they explain themselves, and setup keeps its word.

    scripts_test.py ROOT BIN_DIR COMPILER
"""

import os
import pathlib
import subprocess
import sys
import tempfile

PATIENCE = 120  # seconds

# Instead of the system's: nothing is installed, and there is no network.
FAKE_DPKG_QUERY = "#!/bin/sh\necho ${CAUSEWAY_TEST_STATUS:-not-installed}\n"
FAKE_APT_GET = """#!/bin/sh
echo "$@" >>"$CAUSEWAY_TEST_CALLS"
case "$*" in
  *update*--error-on=any*) echo "E: cannot resolve the name of the mirror" >&2; exit 100 ;;
esac
"""
FAKE_SUDO = '#!/bin/sh\nexec "$@"\n'


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


def setup(root, failures):
    with tempfile.TemporaryDirectory(prefix="causeway-setup-test.") as name:
        directory = pathlib.Path(name)
        for program, text in (("dpkg-query", FAKE_DPKG_QUERY), ("apt-get", FAKE_APT_GET),
                              ("sudo", FAKE_SUDO)):
            (directory / program).write_text(text)
            (directory / program).chmod(0o755)
        calls = directory / "calls"
        calls.write_text("")
        environment = dict(os.environ, PATH=f"{directory}:{os.environ['PATH']}",
                           CAUSEWAY_TEST_CALLS=str(calls), TMPDIR=name)
        script = os.path.join(root, "scripts", "setup")

        result = run([script], env=environment)
        last = result.stderr.strip().splitlines()[-1:]
        if result.returncode == 0 or not last or "nothing was installed" not in last[0]:
            failures.append(f"scripts/setup without a network: exit {result.returncode}, "
                            f"{result.stderr}")
        if "cannot resolve" not in result.stderr:
            failures.append("scripts/setup hides what apt-get said")
        if "install" in calls.read_text().split():
            failures.append("scripts/setup installs from lists that could not be updated")

        calls.write_text("")
        result = run([script], env=dict(environment, CAUSEWAY_TEST_STATUS="installed"))
        if result.returncode != 0 or calls.read_text():
            failures.append("scripts/setup where nothing is missing: should do nothing")


def main(root, _bin_dir, _compiler):
    failures = []
    explains_itself(root, failures)
    setup(root, failures)
    if failures:
        sys.exit("\n".join(failures))
    print("the scripts explain themselves, and setup keeps its word")


if __name__ == "__main__":
    main(*sys.argv[1:])
