#!/usr/bin/env python3
"""Makes the photographs of the large collection smaller and bundles them with the program.

The originals come from four packages of Debian 12. Fetch and unpack them, then name the folder:

    for package in mate-backgrounds lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 plasma-workspace-wallpapers; do
        apt-get download $package && dpkg-deb --extract ${package}_*.deb originals
    done
    scripts/bundle-photos.py originals

It writes the photographs and a README.md with authors, originals and licences into crates/data/assets/photos-*, and
the program's list of them, crates/data/src/photographs.rs. The full texts of the GPL and LGPL, which Debian does not
repeat in its packages, lie there already. It needs Pillow; the committed files are from Pillow 13.0.0, and another
version may write other bytes of the same photographs.
"""
import gzip, hashlib, io, json, math, re, sys
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "crates/data/assets"
LIST = ROOT / "crates/data/src/photographs.rs"

PIXELS = 1_000_000
QUALITY = 92
# Bytes that all of them may take together.
MOST = 10_000_000

MATE = "mate-backgrounds"
LOMIRI_16 = "lomiri-wallpapers-16.04"
LOMIRI_20 = "lomiri-wallpapers-20.04"
PLASMA = "plasma-workspace-wallpapers"

# Folder in the assets: its title, and what must be known besides the table.
FOLDERS = {
    "photos-cc": (
        "Photographs under Creative Commons licences",
        """The full texts lie beside them: [CC BY 4.0](CC-BY-4.0.txt), [CC BY-SA 4.0](CC-BY-SA-4.0.txt) and
[CC BY-SA 3.0](CC-BY-SA-3.0.txt). Photographs under CC0 1.0 are
[dedicated to the public domain](https://creativecommons.org/publicdomain/zero/1.0/). The smaller versions are under the
licence of their originals.""",
    ),
    "photos-gpl": (
        "Photographs under the GNU General Public License",
        """These photographs are free: you may pass them on and change them under the terms of the GNU General Public License as
published by the Free Software Foundation, version 2 or any later version. They come without any warranty. The full text
lies beside them: [GPL-2](GPL-2.txt). Their source is these files, the originals in Debian's package, and
`scripts/bundle-photos.py`.""",
    ),
    "photos-lgpl": (
        "Photographs under the GNU Lesser General Public License",
        """Each original's `metadata.json` names its author and the licence LGPLv3; the package's copyright file names the KDE Visual
Design Group, 2014, and the GNU General Public License, version 2 or any later version. The photographs come without any
warranty. The full texts lie beside them: [LGPL-3](LGPL-3.txt), the [GPL-3](GPL-3.txt) that it adds to, and
[GPL-2](../photos-gpl/GPL-2.txt). Their source is these files, the originals in Debian's package, and
`scripts/bundle-photos.py`.""",
    ),
}

# Folder, package, original below usr/share, name here.
PHOTOS = [
    *(
        ("photos-gpl", MATE, f"backgrounds/mate/nature/{original}.jpg", name)
        for original, name in [
            ("Aqua", "aqua"),
            ("Blinds", "blinds"),
            ("Dune", "dune"),
            ("FreshFlower", "fresh_flower"),
            ("Garden", "garden"),
            ("GreenMeadow", "green_meadow"),
            ("LadyBird", "ladybird"),
            ("RainDrops", "raindrops"),
            ("Storm", "storm"),
            ("TwoWings", "two_wings"),
            ("Wood", "wood"),
            ("YellowFlower", "yellow_flower"),
        ]
    ),
    # Without umang_by_Abhishek_Mudgal.jpg, which is a colour gradient and no photograph.
    *(
        ("photos-cc", LOMIRI_16, f"backgrounds/{original}.jpg", name)
        for original, name in [
            ("aitzgorri_by_Aitzol_Berasategi", "aitzgorri"),
            ("analogpattern_by_Peter_Nerlich", "analog_pattern"),
            ("Bridge_by_Sander_Klootwijk", "bridge"),
            ("Dragonfly_by_Bolly", "dragonfly"),
            ("free_by_Peter_Nerlich", "free"),
            ("friends_by_Aitzol_Berasategi", "friends"),
            ("greentock_by_Peter_Nerlich", "greentock"),
            ("life_by_Aitzol_Berasategi", "life"),
            ("picosdeeuropa_by_Aitzol_Berasategi", "picos_de_europa"),
            ("Picture_0B_by_freespace", "fig"),
            ("Picture_1A_by_freespace", "brushes"),
            ("seeding_by_Clements_Engelhardt", "seeding"),
            ("sunset_by_Aitzol_Berasategi", "sunset"),
            ("Wine_by_Jakkub_Mede", "wine"),
        ]
    ),
    # Without its three drawings.
    ("photos-cc", LOMIRI_20, "backgrounds/Kleiber_by_Lukas_Baubkus.jpg", "kleiber"),
    # Without its drawings.
    *(
        ("photos-lgpl", PLASMA, f"wallpapers/{original}/contents/images/2560x1600.jpg", name)
        for original, name in [
            ("BytheWater", "by_the_water"),
            ("ColdRipple", "cold_ripple"),
            ("ColorfulCups", "colorful_cups"),
            ("DarkestHour", "darkest_hour"),
            ("EveningGlow", "evening_glow"),
            ("FallenLeaf", "fallen_leaf"),
            ("Grey", "grey"),
            ("Kite", "kite"),
            ("OneStandsOut", "one_stands_out"),
            ("Path", "path"),
            ("summer_1am", "summer_1am"),
        ]
    ),
]

LICENCES = {
    "GPL-2+": "GPL-2 or later",
    "LGPLv3": "LGPL-3",
    "CC-BY-4.0": "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)",
    "CC-BY-SA-4.0": "[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/)",
    "CC-BY-SA-3.0": "[CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/)",
    "CC0-1.0": "[CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/)",
}


def smaller(path):
    """The photograph as a JPEG file: upright, sRGB, three channels, about a megapixel, without metadata."""
    picture = Image.open(path)
    profile = picture.info.get("icc_profile")
    picture = ImageOps.exif_transpose(picture)
    if profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        picture = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    picture = picture.convert("RGB")
    scale = math.sqrt(PIXELS / (picture.width * picture.height))
    if scale >= 1:
        sys.exit(f"{path}: found {picture.width} x {picture.height} pixels; needs more than {PIXELS}")
    size = round(picture.width * scale), round(picture.height * scale)
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    # The conversions leave the original's metadata beside the pixels, and saving would write it.
    picture.info.clear()
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY, subsampling="4:4:4", optimize=True)
    return file.getvalue()


def paragraphs(originals, package):
    """The paragraphs of a package's copyright file, each a dictionary of its fields."""
    text = (originals / "usr/share/doc" / package / "copyright").read_text(encoding="utf-8")
    found = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        fields = re.split(r"^([A-Za-z-]+):", paragraph, flags=re.MULTILINE)[1:]
        found.append({key: value.strip(" ") for key, value in zip(fields[::2], fields[1::2])})
    return found


def credit(originals, package, original):
    """Who made an original, and its licence, as the package says it."""
    about = originals / "usr/share" / original.split("/contents/")[0] / "metadata.json"
    if about.is_file():
        plugin = json.loads(about.read_text(encoding="utf-8"))["KPlugin"]
        return ", ".join(author["Name"] for author in plugin["Authors"]), plugin["License"]
    end = "/".join(original.split("/")[-2:]) if package == MATE else original.split("/")[-1]
    for fields in paragraphs(originals, package):
        if any(file.endswith(end) for file in fields.get("Files", "").split()):
            lines = [re.sub(r" *<.*|\.", "", line) for line in fields["Copyright"].strip().splitlines()]
            names = [(re.sub(r"\d{4}", "", line).strip(" ,"), re.search(r"\d{4}", line).group()) for line in lines]
            return ", and ".join(f"{name}, {year}" for name, year in names), fields["License"].strip()
    sys.exit(f"{package}: its copyright file does not name {end}")


def provenance(originals, package):
    """The package with its version, and where its files come from."""
    with gzip.open(originals / "usr/share/doc" / package / "changelog.Debian.gz", "rt", encoding="utf-8") as changes:
        source, version = re.match(r"(\S+) \((?:\d+:)?(\S+)\)", changes.readline()).groups()
    upstream = paragraphs(originals, package)[0]["Source"].strip()
    return f"- `{package}` {version}, from {upstream}; kept at https://snapshot.debian.org/package/{source}/"


def licence_text(originals, name):
    """The text of a licence that a package's copyright file repeats in full."""
    text = (originals / "usr/share/doc" / LOMIRI_16 / "copyright").read_text(encoding="utf-8")
    body = re.search(rf"^License: {re.escape(name)}\n((?: .*\n|\n(?= ))+)", text, flags=re.MULTILINE).group(1)
    lines = ["" if line.strip() == "." else line[1:].rstrip() for line in body.rstrip().split("\n")]
    return "\n".join(lines) + "\n"


def readme(folder, rows, packages):
    title, terms = FOLDERS[folder]
    head = f"""# {title}
{len(rows)} photographs, scaled down to about one megapixel and saved again as JPEG in November 2026; otherwise as their authors
published them. They are data of their own and not part of the program's code. Keep this notice beside the files, which
`scripts/bundle-photos.py` wrote.

{terms}

| file | by | original, below usr/share | licence | SHA-256 |
| --- | --- | --- | --- | --- |
"""
    table = "".join(
        f"| {name} | {author} | {original} | {LICENCES[licence]} | `{digest}` |\n"
        for name, author, original, licence, digest in rows
    )
    return head + table + "\nThe originals are in Debian's packages:\n" + "\n".join(packages) + "\n"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: scripts/bundle-photos.py FOLDER, with Debian's packages unpacked in FOLDER")
    originals = Path(sys.argv[1])
    rows = {folder: [] for folder in FOLDERS}
    packages = {folder: [] for folder in FOLDERS}
    total = 0
    for folder, package, original, name in PHOTOS:
        file = smaller(originals / "usr/share" / original)
        (ASSETS / folder).mkdir(exist_ok=True)
        (ASSETS / folder / f"{name}.jpg").write_bytes(file)
        digest = hashlib.sha256(file).hexdigest()
        rows[folder].append((f"{name}.jpg", *credit(originals, package, original), original, digest))
        line = provenance(originals, package)
        if line not in packages[folder]:
            packages[folder].append(line)
        total += len(file)
    if total > MOST:
        sys.exit(f"{total} bytes together; allowed: {MOST}, so lower QUALITY")
    for folder, found in rows.items():
        found = sorted((name, author, original, licence, digest) for name, author, licence, original, digest in found)
        (ASSETS / folder / "README.md").write_text(readme(folder, found, packages[folder]), encoding="utf-8")
    for name in ["CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-SA-3.0"]:
        (ASSETS / "photos-cc" / f"{name}.txt").write_text(licence_text(originals, name), encoding="utf-8")
    entries = sorted((row[0], folder, row[4]) for folder, found in rows.items() for row in found)
    items = "".join(
        f'    bundled!(\n        "{folder}",\n        "{name}",\n        "{digest}"\n    ),\n'
        for name, folder, digest in entries
    )
    LIST.write_text(
        "//! The photographs that the large collection has besides the small one. `scripts/bundle-photos.py` writes this\n"
        "//! list.\n\n"
        "use crate::bundled::{Bundled, bundled};\n\n"
        f"pub(crate) static PHOTOGRAPHS: [Bundled; {len(entries)}] = [\n{items}];\n",
        encoding="utf-8",
    )
    print(f"{len(entries)} photographs, {total} bytes")


if __name__ == "__main__":
    main()
