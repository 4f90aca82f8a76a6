"""What a person types in scripts/: they explain themselves, and what they print to type works.

    scripts_test.py ROOT BIN_DIR COMPILER
"""

import os
import pathlib
import re
import signal
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


def keep(root, bin_dir, failures):
    """What `demo --keep` prints is typed into a shell, line by line."""
    demo = run([os.path.join(root, "scripts", "demo"), "--keep", "--bin", bin_dir])
    _, _, said = demo.stdout.partition("The cluster is running")
    lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    directory = re.search(r"data and logs in (\S+)\.$", said, re.MULTILINE)
    if demo.returncode != 0 or not lines or not directory:
        failures.append(f"scripts/demo --keep: exit {demo.returncode}\n{demo.stdout}{demo.stderr}")
        return
    # The shell must not wait for ever for what a promise does not keep.
    shell = subprocess.Popen(["bash"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = shell.communicate("\n".join(lines) + "\n", timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        failures.append("scripts/demo --keep: what it prints to type does not come to an end")
        os.killpg(shell.pid, signal.SIGKILL)
        out, err = shell.communicate()
        for numbers in re.findall(r"^  kill -9 ([\d ]+)", said, re.MULTILINE):
            run(["kill", "-9", *numbers.split()])
    values = [line for line in out.splitlines() if line in ("again", "won", "alone")]
    if values != ["again", "again", "won", "alone"] or "timeout" not in err:
        failures.append(f"scripts/demo --keep: what it prints to type gave\n{out}{err}")
    if os.path.exists(directory[1]):
        failures.append(f"scripts/demo --keep: {directory[1]} is left")


def main(root, bin_dir, _):
    failures = []
    explains_itself(root, failures)
    setup(root, failures)
    keep(root, bin_dir, failures)
    if failures:
        sys.exit("\n".join(failures))
    print("the scripts explain themselves, and what they print to type works")


if __name__ == "__main__":
    main(*sys.argv[1:])
