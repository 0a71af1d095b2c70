"""Bring KaTeX, which renders the formulas of the site, into docs/katex: one pinned release, checked by its hash."""

import base64
import hashlib
import io
import re
import sys
import tarfile
import urllib.request
from pathlib import Path

VERSION = "0.19.1"
SHA512 = "jG8uKntjSEcm2EpQOh0XturpPuuC9r3Sq5HLHdsFdWZT27E672SF19QEi+of0/YeOy15lDgRhKvr5614uRrEfA=="
SOURCE = f"https://registry.npmjs.org/katex/-/katex-{VERSION}.tgz"
WANTED = re.compile(r"package/(?:LICENSE|dist/(katex\.min\.(?:js|css)|fonts/.*\.woff2))")
TARGET = Path(__file__).parents[1] / "docs" / "katex"


def main() -> None:
    """Fetch and unpack, unless this release is there already."""
    mark = TARGET / "VERSION"
    if mark.exists() and mark.read_text() == VERSION:
        return
    with urllib.request.urlopen(SOURCE, timeout=60) as answer:
        archive = answer.read()
    found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != SHA512:
        sys.exit(f"{SOURCE} has the SHA-512 {found}, not {SHA512}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        for member in package:
            if WANTED.fullmatch(member.name) and member.isfile():
                inside = member.name.removeprefix("package/").removeprefix("dist/")
                path = TARGET / inside
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(package.extractfile(member).read())
    mark.write_text(VERSION)


if __name__ == "__main__":
    main()
