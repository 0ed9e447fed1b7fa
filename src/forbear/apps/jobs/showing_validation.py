"""What `forbear validate` writes and shows: the pack as page and JSON, the model card as page and Markdown."""

from __future__ import annotations

from pathlib import Path

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.credit_document import plain_values
from forbear.apps.jobs.validating import Validation, validate
from forbear.apps.jobs.validating_rows import ValidationRequest
from forbear.apps.validation.because import TITLES, because
from forbear.apps.validation.blocks import WORDS, markdown_of, page_of
from forbear.apps.validation.card import card_document
from forbear.apps.validation.figures import pack_of
from forbear.apps.validation.pack import headline, pack_document

PACK, CARD = "validation_pack", "model_card"


def show_validation(home: Home, request: ValidationRequest, out: Path | None, console: Console) -> Path:
    """Validate, write the four documents into a folder, and say what they come to; answers the folder.

    out: None takes `validation-<first 12 digits of the model>` in the home's reports.
    """
    found = validate(home, request, console)
    folder = out or home.reports / f"validation-{found.digest[:12]}"
    written = write_validation(found, folder)
    console.result(
        {
            "model": found.digest,
            "verdict": str(found.light),
            "lights": {name: str(light) for name, light in found.lights.items()},
            "documents": [str(path) for path in written],
        }
    )
    console.table(
        headline(found),
        ("part", "light", "because"),
        [(TITLES[name], WORDS[light], because(found, name)) for name, light in found.lights.items()],
    )
    console.say(f"Written: {folder}")
    return folder


def write_validation(found: Validation, folder: Path) -> list[Path]:
    """The four documents, each whole or not at all. Raises StorageError."""
    pack, card = pack_document(found), card_document(found)
    texts = {
        f"{CARD}.md": markdown_of(card),
        f"{CARD}.html": page_of(card),
        f"{PACK}.html": page_of(pack),
    }
    for name, text in texts.items():
        write_whole(folder / name, text.encode())
    write_document(folder / f"{PACK}.json", plain_values(pack_of(found)))
    return [folder / name for name in (*texts, f"{PACK}.json")]
