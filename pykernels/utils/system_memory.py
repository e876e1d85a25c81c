"""How much memory this process can still take."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

_UNLIMITED = 1 << 62  # a control group of version 1 without a limit says a number about this large


def available_memory(root: str = "/") -> int | None:
    """Bytes that this process can still take: of the machine, of its control groups (versions 1 and 2), and of the
    limit on its address space. None where the system does not say.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    top = Path(root)
    found = [_of_machine(top), *_of_control_groups(top), _of_address_space(top)]
    found = [n for n in found if n is not None]
    return max(0, min(found)) if found else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _of_machine(top: Path) -> int | None:
    for line in _read(top / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _of_control_groups(top: Path) -> list[int]:
    found = []
    for line in _read(top / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            base, limit, used, inactive = top / "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            base, used = top / "sys/fs/cgroup/memory", "memory.usage_in_bytes"
            limit, inactive = "memory.limit_in_bytes", "total_inactive_file"
        else:
            continue
        group = base / path.strip("/")
        for folder in (group, *group.parents):
            left = _left_in(folder, limit, used, inactive)
            if left is not None:
                found.append(left)
            if folder == base:
                break
    return found


def _left_in(folder: Path, limit: str, used: str, inactive: str) -> int | None:
    most, now = _read(folder / limit).strip(), _read(folder / used).strip()
    if not most.isdigit() or not now.isdigit() or int(most) >= _UNLIMITED:
        return None
    cached = [line.split()[1] for line in _read(folder / "memory.stat").splitlines() if line.startswith(inactive + " ")]
    return int(most) - int(now) + (int(cached[0]) if cached else 0)


def _of_address_space(top: Path) -> int | None:
    if resource is None:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _read(top / "proc/self/statm").split()
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return limit - int(pages[0]) * os.sysconf("SC_PAGE_SIZE")


def physical_memory() -> int:
    """Bytes of memory of this computer; 16 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 34


def readable(size: int) -> str:
    """1536 -> "1.5 KB"."""
    value, unit = float(size), "bytes"
    for larger in ("KB", "MB", "GB", "TB", "PB", "EB"):
        if value < 1000:
            break
        value, unit = value / 1024, larger
    return f"{size} bytes" if unit == "bytes" else f"{value:.3g} {unit}"
