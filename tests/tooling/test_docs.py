"""The documents name files that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from textpay.settings import BASE_DIR

LISTED = ["git", "ls-files", "-z", "*.md"]
DOCUMENTS = subprocess.run(LISTED, cwd=BASE_DIR, capture_output=True, text=True, check=True).stdout
NAMED = re.compile(r"`([\w.-]+/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.mark.parametrize("name", [name for name in DOCUMENTS.split("\0") if name])
def test_every_path_in_a_document_exists(name: str) -> None:
    document = Path(BASE_DIR) / name
    text = document.read_text()
    folders = {path.name for path in Path(BASE_DIR).iterdir() if path.is_dir()} - {"var"}
    named = [path for path in NAMED.findall(text) if path.split("/")[0] in folders]
    missing = [path for path in named if not (Path(BASE_DIR) / path).exists()]
    missing += [path for path in LINK.findall(text) if not (document.parent / path).exists()]
    assert missing == []
