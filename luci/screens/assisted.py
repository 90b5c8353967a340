"""The assistant in the app: requests are handed on, conversations and models are chosen, code of answers is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on

from luci.config import Settings
from luci.errors import LuciError
from luci.screens.bar import Bar
from luci.screens.conversation import Welcome
from luci.screens.doing import Doing
from luci.screens.jobs import Job
from luci.screens.places import Places
from luci.values import replace

if TYPE_CHECKING:
    from luci.chat.ongoing import Ongoing
    from luci.chat.providers import Endpoint
    from luci.runner.request import RunRequest


class Assisted(Places):
    """Talks with the assistant in the conversation; what the answers lead to is done by who is derived from it."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        super().__init__(settings)
        self._talk: Ongoing | None = None
        self._cost = ("", 0.0)  # of a session, in US dollars, as long as it was followed here

    def submit(self, line: str) -> None:
        """Do what a line means, as if it were typed."""
        raise NotImplementedError

    def begin(self, line: str) -> None:
        """Let the person type the rest of a line."""
        raise NotImplementedError

    async def run_script(self, request: RunRequest) -> None:
        raise NotImplementedError

    def edit(self, path: str, line: int) -> None:
        raise NotImplementedError

    def on_mount(self) -> None:
        self.call_after_refresh(Job(self, "who", "", self._settings()).start)  # the first paint does without

    def _show_who_answers(self, endpoint: Endpoint) -> None:
        self.query_one(Bar).model = endpoint.model or endpoint.provider or endpoint.host
        for welcome in self.query(Welcome):
            welcome.tell_of_model()

    def talk(self, text: str) -> None:
        """Let the assistant do what is asked for."""
        self._dress_dialogues()
        answers = any(doing.job and doing.job.name == "ask" for doing in self.running)
        dialogue = self.conversation.dialogue(text)
        if answers:  # one conversation, one request at a time
            dialogue.wait()
        else:
            self._begin_talk(dialogue)

    def _begin_talk(self, dialogue: Doing) -> None:
        request = self._ongoing().request(dialogue.heading)
        dialogue.begin(Job(dialogue, "ask", request, self._settings(), together=True))

    def _dress_dialogues(self) -> None:
        if not self.query("Dialogue"):
            self.app.stylesheet.read(Path(__file__).with_name("dialogue.tcss"))

    async def on_job_finished(self, message: Job.Finished) -> None:
        name, result = message.job.name, message.result
        if name == "ask":
            await self._answer_without_a_model(message)
        elif name == "who" and message.error is None:
            self._show_who_answers(result)
        elif name == "models" and message.error is None and result.doubt:
            self.conversation.reply(result.doubt)

    async def _answer_without_a_model(self, message: Job.Finished) -> None:
        """Do what a request asks of luci itself, where nobody is there whom it could be handed to."""
        from luci.actions.by_itself import CAN, in_commands
        from luci.chat.providers import NoModel

        if not isinstance(message.error, NoModel):
            return
        if command := in_commands(message.job.request.text):
            for doing in self.conversation.doings:
                if doing.job is message.job:
                    await doing.remove()
            self.conversation.reply(f"No model is set up. I take it for: {command}")
            self.submit(command)
        else:
            self.conversation.reply(CAN)

    def choose_session(self, words: str = "") -> None:
        """Let the person choose a past conversation, to go on with it."""
        from luci.screens.session_list import Chosen, SessionList

        def chosen(choice: Chosen | None) -> None:
            if choice:
                self.switch("", choice.session)
                self.begin(choice.draft)

        def deleted(session: str) -> None:
            if self._talk and self._talk.session == session:
                self._talk = replace(self._talk, session="")

        self.app.push_screen(SessionList(self._settings(), words, deleted), chosen)

    def choose_model(self) -> None:
        """Let the person choose who answers."""
        from luci.screens.model_list import ModelList

        def chosen(model: str | None) -> None:
            if model:
                self.switch(model, "")

        self.app.push_screen(ModelList(self._ongoing().model, self._settings()), chosen)

    def _ongoing(self) -> Ongoing:
        from luci.chat.ongoing import Ongoing  # the first paint does without

        self._talk = self._talk or Ongoing()
        return self._talk

    def switch(self, model: str, session: str) -> None:
        """Let another model answer, or go on with another conversation, of which is shown what was said."""
        from luci.screens.retold import pieces

        before = self._ongoing()
        try:
            self._talk, told = before.switched(model, session, self._settings())
        except LuciError as error:
            self.conversation.reply(error.message, error.hint, error=True)
            return
        if self._talk.session != before.session:
            self._dress_dialogues()
            self.conversation.retell(pieces(self._talk.session, self._settings()))
        self.conversation.reply(told)
        if model:
            Job(self, "who", model, self._settings()).start()
            Job(self, "models", model, self._settings()).start()

    @on(Doing.Status)
    def _show_status(self, message: Doing.Status) -> None:
        self._talk = replace(self._ongoing(), session=message.session)
        session, before = self._cost
        self._cost = (message.session, message.cost + (before if session == message.session else 0.0))
        cost = self._cost[1]
        told = [message.model, f"{message.context / 1000:.1f}k" if message.context else ""]
        self.query_one(Bar).model = " · ".join(
            filter(None, [*told, f"${cost:.{2 if cost >= 0.1 else 4}f}" if cost else ""])
        )

    @on(Doing.CodeRequested)
    async def _use_code(self, message: Doing.CodeRequested) -> None:
        if message.use == "run":
            from luci.chat.answers import run_of

            await self.run_script(run_of(message.code, Path.cwd()))
            return
        from luci.actions.snippets import save_code

        try:
            path = save_code(message.code)
        except LuciError as error:
            self.notify(f"{error.message} {error.cause}", severity="error", markup=False)
            return
        self.notify(f"It is saved as {path.name}.", markup=False)
        if message.use == "edit":
            self.edit(str(path), 1)
