"""docs/security.md names checks; they are there, and each check of an attack stands on the page."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()


def test_every_check_that_the_page_names_is_there():
    defined = set()
    for file in (ROOT / "Tests" / "ThirdParty").glob("test_*.py"):
        defined |= set(re.findall(r"^def (test_\w+)", file.read_text(), re.M))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 50
    assert named - defined == set()


def test_every_unit_test_that_the_page_names_is_there():
    defined = set()
    for file in (ROOT / "Tests").rglob("*.swift"):
        defined |= set(re.findall(r"func `([^`]+)`", file.read_text()))
    named = set(re.findall(r"\*([a-z][^*]+)\*", PAGE))
    # Explanations of the page itself; "*unit tests…*" stands for all of them.
    named = {name for name in named if len(name.split()) > 4}
    assert len(named) > 4
    assert named - defined - {"unit tests of the part that decides"} == set()


def test_every_line_of_a_check_stands_on_the_page():
    lines = set(re.findall(r"\b([ACEH]\d{1,2})\b", PAGE))
    for file in (ROOT / "Tests" / "ThirdParty").glob("test_security_*.py"):
        for name, said in re.findall(r'^def (test_\w+).*?\n    """([^"]*)', file.read_text(), re.M):
            head = said.split(":")[0]
            for line in re.findall(r"\b([ACEH]\d{1,2})\b", head):
                assert line in lines, (name, line)
            if re.match(r"[ACEH]\d", head):
                assert f"`{name}`" in PAGE, name
