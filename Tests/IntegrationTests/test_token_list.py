"""The list shows the sessions that the token opens, however the prefixes and pages lie."""

import pytest

from server import Server
from tokens import Holder, TokenFile

NAMES = ["a", "a-", "a-1", "a-2", "a-b", "a-b.1", "a-b.2", "ab", "b", "b.1", "b.2", "c", "c.1",
         "c.2", "c.3", "d", "z9"]
CHOICES = ["*", "a", "a-", "a-,b.", "a-,a-b", "a-b,a-", "c.,a-b", "d", "0,zz", "a,b,c,d,z",
           "a-1,a-2,ab,b.1", "a-,c.3"]


@pytest.fixture(scope="module")
def holders(tmp_path_factory):
    """Who holds which prefixes, of a service with sessions of all names."""
    file = TokenFile(tmp_path_factory.mktemp("tokens"))
    for index, prefixes in enumerate(CHOICES):
        file.add(f"t{index}", "read", prefixes)
    file.add("root", "admin", "*")
    with Server("--tokens", file.path) as running:
        root = Holder(running.port, file.secrets["root"])
        for name in NAMES:
            root.create(name, {"w": [0]}, durability="none")
        yield {prefixes: Holder(running.port, file.secrets[f"t{index}"])
               for index, prefixes in enumerate(CHOICES)}


def opened(prefixes, prefix=""):
    return [name for name in NAMES if name.startswith(prefix)
            and any(choice == "*" or name.startswith(choice) for choice in prefixes.split(","))]


def pages(holder, size, prefix):
    token, listed = None, []
    while True:
        target = f"/v1/sessions?page_size={size}&prefix={prefix}"
        page = holder.get(target if token is None else f"{target}&page_token={token}").json()
        names = [entry["name"] for entry in page["sessions"]]
        token = page["next_page_token"]
        listed += names
        if token is None:
            return listed
        # The token is a name, of a session that is shown.
        assert len(names) == size and token == names[-1]


@pytest.mark.parametrize("prefixes", CHOICES)
def test_pages_of_what_is_opened(holders, prefixes):
    for prefix in ["", "a", "a-", "a-b", "a-b.1", "b", "b.", "c.3", "x", "A", "%C3%A9", "a-%CC%81"]:
        expected = opened(prefixes, prefix) if "%" not in prefix else []
        for size in [1, 2, 3, 1000]:
            assert pages(holders[prefixes], size, prefix) == expected


@pytest.mark.parametrize("prefixes", CHOICES)
def test_a_made_up_page_token_shows_no_more(holders, prefixes):
    for token in [*NAMES, "", "0", "a-b.", "b.1x", "zzz", "~"]:
        page = holders[prefixes].get(f"/v1/sessions?page_token={token}").json()
        expected = [name for name in opened(prefixes) if name > token]
        assert [entry["name"] for entry in page["sessions"]] == expected
        assert page["next_page_token"] is None
