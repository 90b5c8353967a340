"""What a person points at with an @ in a request."""

from __future__ import annotations

from collections.abc import Callable

from luci import runs
from luci.chat.leave import Verdict
from luci.chat.messages import Used
from tests.chat.conftest import Person
from tests.model_server import ModelServer, Said


def test_the_model_gets_what_is_pointed_at_with_the_request(person: Person, model: Callable[..., ModelServer]) -> None:
    (person.folder / "my data").mkdir()
    (person.folder / "my data" / "table.csv").write_text("height\n180\n")
    (person.folder / "hop.py").write_text("import quokka\n\nprint(quokka.hop())\n")
    calls = (("run", {"script": "hop.py"}),)
    server = model(Said(calls=calls), Said("It hops."), Said("180."), Said("I see."))
    talk = person.talk()
    person.ask("run it", talk)
    person.seen.clear()
    run = runs.latest(1)[0]
    asked = f"@'my data/table.csv', @'my data', @run:{run.id}, @env:{run.env_key}; a @word, you@home and @absent.py?"
    person.ask(asked, talk)
    request, pointed = [message["content"] for message in server.heard()[-2:]]
    assert request == asked and pointed.startswith("[luci] @my data/table.csv:\n<data ")
    table, listing, ran, env = pointed.split("\n\n")
    assert "    2  180" in table and "my data/table.csv" in listing
    assert "hop.py: exit code 0" in ran and "quokka" in ran and "\nhop\n" in ran
    assert "quokka 1." in env and str(person.folder) not in env
    assert [event.ok for event in person.seen if isinstance(event, Used)] == [True] * 4

    person.ask("and @run:nothing", talk)
    assert server.told().startswith("[luci] @run:nothing:\nerror: ")


def test_a_file_with_a_question_of_its_own_is_asked_for_and_piped_text_points_at_nothing(
    person: Person, model: Callable[..., ModelServer]
) -> None:
    (person.folder / ".env").write_text("COLOUR=mauve-ish-17\n")
    (person.folder / "plain.txt").write_text("plain\n")
    server = model(Said("No."), Said("Yes."))
    person.says = lambda effect: Verdict(False)
    person.ask("what colour? @.env")
    assert [effect.subject for effect in person.asked] == [".env"]
    assert "error: " in server.told() and "mauve" not in str(server.requests)
    steps = person.talk().ask("sum up", "see @plain.txt")
    for _ in steps:
        pass
    assert "see @plain.txt" in server.told() and len(server.heard()) == 2
