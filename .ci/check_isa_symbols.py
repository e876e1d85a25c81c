"""Fail when an object file of one instruction-set level defines a symbol that other levels could share.

The linker keeps one copy of a weak function. If an AVX-512 object brought, say, a `std::vector` member, that copy could
be run on a CPU without AVX-512. So every external symbol of such an object must lie in its own level's namespace.

    python check_isa_symbols.py BUILD_DIRECTORY
"""

import re
import subprocess
import sys
from pathlib import Path


def external_symbols(path):
    """(type letter, demangled name) of the symbols that `path` defines for others."""
    command = ["nm", "--demangle", "--defined-only", "--format=posix", str(path)]
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        match = re.match(r"(.*) ([A-Za-z])(?: [0-9a-f]+)*\s*$", line)
        if match and (match[2].isupper() or match[2] in "uvw"):
            yield match[2], match[1]


def main(build):
    checked, bad = 0, []
    for path in sorted(Path(build).rglob("*.o")):
        level = next((m[1] for part in path.parts if (m := re.fullmatch(r"pk_isa_(\w+)\.dir", part))), None)
        if level is None:
            continue
        for kind, name in external_symbols(path):
            checked += 1
            if f"pk::{level}::" not in name and not name.startswith("DW.ref."):
                bad.append(f"{path.name} ({level}): {kind} {name}")
    print(*bad, sep="\n")
    print(f"{checked} external symbols of ISA objects, {len(bad)} outside their level's namespace")
    if checked == 0:
        print(f"no object of an ISA level found under {build}: nothing was checked")
    return 1 if bad or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
