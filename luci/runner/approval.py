"""What a person is shown before packages are installed for a script that somebody else wrote."""

from __future__ import annotations

from luci.context import Question
from luci.envs.store import Store, fault
from luci.runner.plan import Plan


def to_install(plan: Plan, store: Store) -> Question | None:
    """Return the question that comes before a plan's environment is built; None where it is there, or holds nothing."""
    env = store.get(plan.spec.key)
    if (env and not fault(env)) or not plan.names():
        return None
    built = ["what has no wheel is built from source, which runs its code"] if plan.terms.builds else []
    return Question(
        "packages",
        f"Install {', '.join(plan.names())}?",
        (*origins(plan, "install"), *built),
        yes="Install these, each in the environment of this script alone",
        no="Install nothing, and do not run",
    )


def origins(plan: Plan, *statuses: str) -> list[str]:
    """Return what each package is for, where it is imported, and who says so: a line each."""
    lines = []
    for choice in plan.choices:
        if choice.status not in statuses:
            continue
        where = f", line {choice.imports[0].line}" if choice.imports and choice.imports[0].line else ""
        doubts = f"; in doubt: {'; '.join(choice.doubts)}" if choice.doubts else ""
        for requirement in choice.requirements or ("nothing",):
            lines.append(f"{requirement} for {choice.module or 'itself'}{where}: {choice.reason}{doubts}")
    return lines
