"""Every action by its name: the one way in for the command line, the app and the servers."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from luci.values import Value

if TYPE_CHECKING:
    from luci.context import Context
    from luci.events import Event


class Action(Value):
    """What can be asked for. `place` is "module:function"; it is imported when it is performed."""

    name: str
    summary: str
    place: str
    heeds_stop: bool = False  # it comes to its own end when it is to stop; others are left where they are


ACTIONS = {
    action.name: action
    for action in (
        Action("run", "run a script in the environment it needs", "luci.runner.run:run"),
        Action("resume", "go on after a module was missing", "luci.runner.run:resume"),
        Action("need", "take a requirement to the script's next plan", "luci.runner.need:need"),
        Action("plan", "say what run would do", "luci.actions.plans:plan"),
        Action("adopt", "write what a script needs into it", "luci.actions.adopt:adopt"),
        Action("env create", "make an environment for no script", "luci.actions.creates:create"),
        Action("env import", "take over a lock, a list or a virtual environment", "luci.actions.creates:take_over"),
        Action("env lock", "write the exact versions with hashes, beside a script", "luci.actions.locks:lock"),
        Action("env list", "list the environments", "luci.actions.envs:listed"),
        Action("env show", "show one environment", "luci.actions.envs:show"),
        Action("env inspect", "tell all that is known of an environment", "luci.actions.envs:inspect"),
        Action("env path", "print an environment's folder", "luci.actions.envs:path"),
        Action("env tree", "show what is installed, and for what", "luci.actions.envs:tree"),
        Action("env why", "say why a package is there", "luci.actions.envs:why"),
        Action("env verify", "check every file of the environments", "luci.actions.envs:verify"),
        Action("env rebuild", "build an environment again", "luci.actions.envs:rebuild"),
        Action("env update", "bring environments up to date, or take that back", "luci.actions.updates:update"),
        Action("env export", "write down what is installed", "luci.actions.exports:export"),
        Action("env shell", "open a shell in an environment", "luci.actions.shells:shell"),
        Action("env remove", "remove environments", "luci.actions.envs:remove"),
        Action("env prune", "remove what is not needed any more", "luci.actions.envs:prune"),
        Action("env stats", "count the environments and their disk", "luci.actions.envs:stats"),
        Action("doctor", "look whether everything is there", "luci.chat.checkup:doctor"),
        Action("ask", "let the assistant do what is asked for", "luci.chat.asking:ask", heeds_stop=True),
        Action("who", "say who answers", "luci.chat.offers:who"),
        Action("models", "list the models of who answers", "luci.chat.offers:offered"),
        Action("why", "say why the last run failed", "luci.actions.why:why"),
        Action("sessions list", "list past conversations", "luci.chat.recall:listed"),
        Action("sessions search", "find words in past conversations", "luci.chat.recall:searched"),
        Action("sessions show", "tell what was said and done in one", "luci.chat.recall:retold"),
        Action("sessions fork", "begin a conversation with the beginning of another", "luci.chat.recall:forked"),
        Action("sessions export", "write a conversation into a file", "luci.chat.recall:exported"),
        Action("sessions delete", "delete a conversation", "luci.chat.recall:deleted"),
        Action("undo", "take back the assistant's last change to a file", "luci.chat.recall:undo"),
        Action("config", "show or change the settings", "luci.actions.care:configure"),
        Action("runs list", "list what ran", "luci.actions.history:listed"),
        Action("runs show", "show one run", "luci.actions.history:show"),
        Action("runs log", "print what a recorded run wrote", "luci.actions.history:log"),
    )
}


def perform(name: str, request: Any, context: Context) -> Generator[Event, None, Any]:
    """Do what is asked, yielding events; the generator's return value is the result."""
    module, _, function = ACTIONS[name].place.partition(":")
    action = getattr(importlib.import_module(module), function)
    return (yield from action(request, context))


def done(name: str, request: Any, context: Context) -> Any:
    """Perform an action to its end, and return its result: for those that say nothing on the way."""
    steps = perform(name, request, context)
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value
