"""A reader's manifest from its template: the values that a run of training gives."""

from __future__ import annotations

import hashlib
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path


def fill(template: Path, manifest: Path, values: Mapping[str, str]) -> None:
    """Write the manifest: each line `#@key@` of the template becomes that value, or goes where it is empty."""
    text = template.read_text()
    for key, value in values.items():
        text = text.replace(f"#@{key}@\n", f"{value.rstrip()}\n" if value else "")
    manifest.write_text(text)


def points(thresholds: Mapping[str, float]) -> str:
    """The operating points of a finding."""
    return "operating_points = {{ {} }}".format(", ".join(f"{n} = {value:.5f}" for n, value in thresholds.items()))


def weights(weights: Path, files: Iterable[tuple[str, Path]]) -> str:
    """Size, hash, commit and, source by source, the hash of the files that the weights come from."""
    stored = weights.read_bytes()
    sha256 = hashlib.sha256(stored).hexdigest()
    hashes: dict[str, hashlib._Hash] = {}
    for source, path in files:
        hashes.setdefault(source, hashlib.sha256()).update(hashlib.sha256(path.read_bytes()).digest())
    lines = [
        f'sha256 = "{sha256}"',
        f"bytes = {len(stored)}",
        f'training_commit = "{_commit(weights.parent.parent / "reader.toml", sha256)}"',
        "\n[weights.data]",
        *(f'{source} = "{digest.hexdigest()}"' for source, digest in hashes.items()),
    ]
    return "\n".join(lines)


def _commit(manifest: Path, sha256: str) -> str:
    """The checkout's; of weights that the manifest holds already, the one that it names."""
    told = tomllib.loads(manifest.read_text(encoding="utf-8"))["weights"] if manifest.exists() else {}
    if told.get("sha256") == sha256:
        return str(told["training_commit"])
    return subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
