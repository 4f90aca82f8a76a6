"""The commands of README's tour and of docs/operations.md do what stands beside them.

    commands_test.py ROOT BIN_DIR COMPILER

They are run as they stand, line by line, with real daemons, in an empty directory; only the ports are
replaced by free ones. What is said behind a command is checked where it is a claim:

    # exit 3: ...                                the exit code
    # ajar, everywhere     # closed: any ...     behind a get: the value is what stands before , or :
    # won (exit 0), or superseded (exit 1)       one of these outputs, with its exit code
    # ... prints a token                         a token, on standard error

Otherwise the exit code is 0. `TOKEN` stands for the token printed last, HOST:PORT for a running node.
`kill` names jobs as bash numbers them, or all by `$(jobs -p)`; without -9 the daemons must end
with exit code 0. What `rm -r` names must be all that is left behind. No command is typed before
the daemons started so far are ready.
"""

import ctypes
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import documents

PATIENCE = 60  # seconds, for anything that takes one or two


def free_ports(count):
    """Below those that the system gives to outgoing connections, of which tests beside this one make many."""
    ports = []
    while len(ports) < count:
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            if port not in ports and probe.connect_ex(("127.0.0.1", port)) != 0:
                ports.append(port)
    return ports


def die_with_parent():
    """No daemon outlives this test, whatever ends it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Stop(Exception):
    """There is no use in going on with this document."""


class Daemon:
    def __init__(self, words, directory, environment):
        self.words = words
        self.log = open(directory / "kvd.log", "ab")
        self.process = subprocess.Popen(words, cwd=directory, env=environment, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.log, preexec_fn=die_with_parent)

    def flag(self, name):
        return self.words[self.words.index(name) + 1] if name in self.words else None

    def ready(self):
        """Waits for the line that says so, and gives it."""
        alarm = signal.signal(signal.SIGALRM, lambda *_: self.process.kill())
        signal.alarm(PATIENCE)
        line = self.process.stdout.readline().strip()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, alarm)
        return line

    def end(self, how):
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.log.close()
        return code


class Reader:
    """Somebody who reads a document and types what it says."""

    def __init__(self, bin_dir, directory):
        self.directory = directory
        documented = [7400, 7401, 7402, 7403]
        self.ports = dict(zip(documented, free_ports(len(documented))))
        # What commands without an address mean.
        self.default_address = f"127.0.0.1:{self.ports[7400]}"
        self.environment = {"PATH": bin_dir, "HOME": str(directory),
                            "CAUSEWAY_SERVER": self.default_address}
        self.bin_dir = bin_dir
        self.daemons = []
        self.jobs = {}  # number -> daemon, of those that run
        self.killed = 0
        self.token = None
        self.host_port = None
        self.commands = self.claims = 0
        self.failures = []

    def clean_up(self):
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.end(signal.SIGKILL)

    def words_of(self, command):
        for documented, port in self.ports.items():
            command = re.sub(rf"\b127\.0\.0\.1:{documented}\b", f"127.0.0.1:{port}", command)
        if "TOKEN" in command:
            command = command.replace("TOKEN", self.token or "no-token-yet")
        if "HOST:PORT" in command:
            command = command.replace("HOST:PORT", self.host_port or "no-node-yet")
        words = shlex.split(command)
        if words[0] not in ("kvd", "kvcli"):
            raise Stop(f"this test knows how to run kvd and kvcli only, not: {command}")
        return [os.path.join(self.bin_dir, words[0]), *words[1:]]

    def block(self, block):
        for number, text in block.lines:
            command, _, comment = (part.strip() for part in text.partition(" # "))
            self.commands += 1
            where = f"{block.where(number)}: {command}"
            if command.startswith("kill "):
                self.kill(where, command)
            elif command.startswith("rm -r "):
                self.remove(where, command.split()[2:])
            elif command.endswith("&"):
                self.start(where, self.words_of(command[:-1]))
            elif command.startswith("kvd"):
                self.start(where, self.words_of(command))
            else:
                self.run(where, self.words_of(command), comment)

    def start(self, where, words):
        environment = dict(self.environment)
        if len(words) == 1:  # otherwise the flags say where, or the directory remembers
            environment["CAUSEWAY_LISTEN"] = self.default_address
        daemon = Daemon(words, self.directory, environment)
        self.daemons.append(daemon)
        self.jobs[max(self.jobs, default=0) + 1] = daemon
        line = daemon.ready()
        want = f"ready {daemon.flag('--id')} {daemon.flag('--listen')}"
        if not line.startswith(want if daemon.flag("--id") else "ready "):
            log = (self.directory / "kvd.log").read_text()
            self.failures.append(f'{where}: printed "{line}" in place of a "ready" line\n{log}')
        self.host_port = line.split(" ")[-1]

    def run(self, where, words, comment):
        try:
            result = subprocess.run(words, cwd=self.directory, env=self.environment, text=True,
                                    stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Stop(f"{where}: no end after {PATIENCE} s")
        token = re.search(r"\b[0-9a-f]{16}-[0-9]+\b", result.stderr)
        self.token = token[0] if token else self.token
        answer = (result.returncode, result.stdout.strip())
        wanted = self.claimed(words, comment)
        if not any(code == answer[0] and (text is None or text == answer[1])
                   for code, text in wanted):
            self.failures.append(f"{where}: exit {answer[0]}, \"{answer[1]}\" {result.stderr.strip()}; "
                                 f'beside it stands "{comment}"')
        if "prints a token" in comment:
            self.claims += 1
            if not token:
                self.failures.append(f"{where}: no token on standard error")
        if "--json" in words:
            json.loads(result.stdout)

    def claimed(self, words, comment):
        """The (exit code, output or None) of which one must have come."""
        pairs = re.findall(r"(\w+) \(exit (\d)\)", comment)
        code = re.match(r"exit (\d)\b", comment)
        value = re.match(r"([^,:]+)", comment)
        self.claims += bool(pairs or code or ("get" in words and value))
        if pairs:
            return [(int(exit_code), output) for output, exit_code in pairs]
        if code:
            return [(int(code[1]), None)]
        return [(0, value[1] if "get" in words and value else None)]

    def kill(self, where, command):
        """Job numbers of a shell in which nothing but the daemons was started with &."""
        hard = "-9" in command
        numbers = [int(job) for job in re.findall(r"%(\d+)", command)]
        for job in list(self.jobs) if "$(jobs -p)" in command else numbers:
            if job not in self.jobs:
                raise Stop(f"{where}: there is no job {job}; there are {sorted(self.jobs)}")
            code = self.jobs.pop(job).end(signal.SIGKILL if hard else signal.SIGTERM)
            self.killed += hard
            if not hard and code != 0:
                self.failures.append(f"{where}: ended a daemon with exit code {code}")

    def remove(self, where, names):
        left = {entry.name for entry in self.directory.iterdir()} - {"kvd.log"}
        if set(names) != left:
            self.failures.append(f"{where}: what is left behind is {sorted(left)}")
        for name in names:
            shutil.rmtree(self.directory / name, ignore_errors=True)


def tour(root, reader):
    for block in documents.blocks(root, "README.md"):
        if block.section == "A tour of a minute" and not documents.is_cpp(block):
            reader.block(block)
    if reader.killed != 2 or len(reader.daemons) != 6:
        reader.failures.append("README.md: the tour should start a node and three, kill two of the "
                               "three, and start these again")
    if reader.jobs:
        reader.failures.append("README.md: at the end of the tour daemons still run")
    if reader.commands < 12 or reader.claims < 6:
        reader.failures.append(f"README.md: only {reader.commands} commands and {reader.claims} "
                               "claims were found in the tour; it has more")


def operations(root, reader):
    found = [block for block in documents.blocks(root, "docs/operations.md")]
    for block in found:
        if documents.is_shell(block):
            reader.block(block)
    if reader.commands < 5:
        reader.failures.append("docs/operations.md: it has more commands than were found")
    # What lies in the directory is listed.
    listed = next(b for b in found if b.section == "The data directory").text()
    for name in sorted(os.listdir(reader.directory / "d1")):
        if not re.search(rf"(^|\s){re.escape(name)}/?\s", listed):
            reader.failures.append(f"docs/operations.md: does not say what {name} in the data "
                                   "directory is")
    # SIGTERM: exit 0, as the page says.
    code = reader.daemons[0].end(signal.SIGTERM)
    if code != 0:
        reader.failures.append(f"docs/operations.md: SIGTERM ended kvd with exit code {code}")


def flags(root, reader):
    """The table lists the flags that there are."""
    page = pathlib.Path(root, "docs/operations.md").read_text()
    table = {flag for line in page.splitlines() if line.startswith("| `--")
             for flag in re.findall(r"`(--[a-z-]+)", line.split("|")[1])}
    shown = subprocess.run([os.path.join(reader.bin_dir, "kvd"), "--help"], text=True,
                           capture_output=True, timeout=PATIENCE, check=True).stdout
    real = set(re.findall(r"^\s+(--[a-z-]+)", shown, re.MULTILINE)) - {"--help", "--version"}
    for flag in sorted(table ^ real):
        missing = "kvd --help" if flag in table else "the table in docs/operations.md"
        reader.failures.append(f"docs/operations.md: {flag} is missing in {missing}")


def main(root, bin_dir, _):
    failures = []
    for part in (tour, operations, flags):
        with tempfile.TemporaryDirectory(prefix="causeway-docs.") as directory:
            reader = Reader(bin_dir, pathlib.Path(directory))
            begun = time.monotonic()
            try:
                part(root, reader)
            except Stop as stop:
                reader.failures.append(str(stop))
            finally:
                reader.clean_up()
            failures += reader.failures
            print(f"{part.__name__}: {reader.commands} commands, {reader.claims} claims, "
                  f"{time.monotonic() - begun:.1f} s")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main(*sys.argv[1:])
