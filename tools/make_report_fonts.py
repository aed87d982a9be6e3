"""Makes the fonts of the reports: subsets of Noto Sans SC that hold what reports are written in.

    npm pack @expo-google-fonts/noto-sans-sc@0.4.3 && tar xzf expo-google-fonts-noto-sans-sc-0.4.3.tgz
    uv run --with fonttools==4.68.0 tools/make_report_fonts.py package src/aimis/reports/fonts

Kept: Latin, Greek and Cyrillic as far as the font has them, signs, the 3,755 most frequent Chinese characters
(GB 2312 level 1) and every character of the project's own texts and of its knowledge. Dropped: hinting, layout
tables, vertical metrics.
The licence goes with the fonts: SIL Open Font License 1.1, docs/decisions/0030-report-fonts.md.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

SOURCES = Path(__file__).parent.parent / "src"
WEIGHTS = {
    "NotoSansSC-Regular-subset.ttf": "400Regular/NotoSansSC_400Regular.ttf",
    "NotoSansSC-Bold-subset.ttf": "700Bold/NotoSansSC_700Bold.ttf",
}
RANGES = (
    (0x0020, 0x0250),  # Latin
    (0x0370, 0x0460),  # Greek, Cyrillic
    (0x1E00, 0x1F00),  # Latin with marks, as in Vietnamese and Pinyin
    (0x2000, 0x2070),  # punctuation
    (0x20A0, 0x20C0),  # currencies
    (0x2100, 0x2270),  # letter-like signs, arrows, mathematics
    (0x2460, 0x2474),  # numbers in circles
    (0x25A0, 0x2600),  # shapes
    (0x3000, 0x3020),  # Chinese punctuation
    (0xFF00, 0xFFF0),  # full-width forms
)
WRITTEN_IN = ("text/*.toml", "consult/**/*.yaml")  # the texts of pages and reports; the knowledge of the consultation
ENDOSCOPY = "贲窦黏襞疡瘢鳞蠕憩咽喉梨幽糜痂翳瘘痔"  # an endoscopist's words: what a site's own texts are likely to need
DROPPED_TABLES = ["BASE", "GDEF", "GPOS", "GSUB", "STAT", "VORG", "gasp", "prep", "vhea", "vmtx"]


def characters() -> set[int]:
    """The code points to keep."""
    signs = {point for first, end in RANGES for point in range(first, end)}
    cells = [bytes([row + 0xA0, cell + 0xA0]) for row in range(16, 56) for cell in range(1, 95)]
    chinese = {cell.decode("gb2312", "ignore") for cell in cells}
    files = (file for pattern in WRITTEN_IN for file in SOURCES.rglob(pattern))
    texts = {c for file in files for c in file.read_text(encoding="utf-8")}
    return signs | {ord(c) for c in chinese | texts | set(ENDOSCOPY) if c and c.isprintable()}


def make(source: Path, target: Path) -> None:
    """Write the subset of one font; the same source gives the same bytes."""
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.drop_tables += DROPPED_TABLES
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters())
    subsetter.subset(font)
    font.save(target)


def main(package: Path, folder: Path) -> None:
    """All weights, and the licence."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in WEIGHTS.items():
        make(package / source, folder / name)
    shutil.copyfile(package / "LICENSE_FONT", folder / "OFL.txt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
