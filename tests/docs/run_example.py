"""Runs an example as its head says: in an empty directory, with free ports; exit 0 is asked for.

    run_example.py PROGRAM COUNT_OF_PORTS
"""

import subprocess
import sys
import tempfile

from commands_test import die_with_parent, free_ports

if __name__ == "__main__":
    program, count = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="causeway-example.") as directory:
        words = [program, *map(str, free_ports(count))]
        sys.exit(subprocess.run(words, cwd=directory, timeout=100,
                                preexec_fn=die_with_parent).returncode)
