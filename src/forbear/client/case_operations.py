"""What can be asked about cases, promises and overrides; see `operations`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Unpack

from forbear.client import cases
from forbear.client.bound import listing, operation
from forbear.client.calls import PAGE, Call, Extra, Listed, Posted, asked, get, post


class CasesAsked(Extra, total=False):
    """Which cases. state: none for all that can be worked on now.  mine: only what the key's name has."""

    state: cases.StateName
    kind: cases.KindName
    mine: bool
    overdue: bool
    page_size: int


class StepSaid(Extra, total=False):
    """What a step says. to: for assign.  until: for snooze.  result: for close.  words: kept sealed.

    seen: steps as they were read; the step is refused where somebody else was faster.
    """

    to: str
    until: datetime
    result: str
    words: str
    seen: int


class CaseOperations:
    """The methods of a client about cases."""

    @listing
    def list_cases(self, **which: Unpack[CasesAsked]) -> Listed[cases.CasesPage, cases.CaseShown]:
        """The worklist: escalated cases first, then what is due first, then by priority."""
        only = {"mine": "true" if which.get("mine") else None, "overdue": "true" if which.get("overdue") else None}
        words = {"state": which.get("state"), "kind": which.get("kind")}
        paged = {"limit": which.get("page_size", PAGE), "cursor": None}
        call = get("list_cases", "/v1/cases", cases.CasesPage, which, **words, **only, **paged)
        return Listed(call, lambda page: page.items, lambda page: page.further)

    @operation
    def get_case(self, case_id: str, **extra: Unpack[Extra]) -> Call[cases.CaseTold]:
        """One case: its steps and notes, what it rests on, what was promised."""
        return get("get_case", "/v1/cases/{case_id}", cases.CaseTold, extra, {"case_id": case_id})

    @operation
    def open_case(
        self, customer_id: str, kind: cases.KindName, *, words: str = "", **extra: Unpack[Extra]
    ) -> Call[cases.CaseOpened]:
        """Open a case by hand; where one of its kind is open, it gets a step."""
        body = asked(cases.NewCase, customer_id=customer_id, kind=kind, words=words)
        return post("open_case", "/v1/cases", cases.CaseOpened, extra, Posted(body))

    @operation
    def add_case_step(self, case_id: str, act: cases.ActName, **said: Unpack[StepSaid]) -> Call[cases.CaseShown]:
        """Take a case, hand it over, write a note, snooze, escalate or close it."""
        fields = {name: value for name, value in said.items() if name not in Extra.__annotations__}
        extra: Extra = {name: said[name] for name in Extra.__annotations__ if name in said}  # type: ignore[assignment,literal-required]
        template, path = "/v1/cases/{case_id}/steps", {"case_id": case_id}
        return post(
            "add_case_step", template, cases.CaseShown, extra, Posted(asked(cases.NewStep, act=act, **fields), path)
        )

    @operation
    def contest_decision(
        self, customer_id: str, decision_id: str, why: str, **extra: Unpack[Extra]
    ) -> Call[cases.CaseOpened]:
        """A customer contests a decision: a case with a deadline by law."""
        template, path = "/v1/customers/{customer_id}/contests", {"customer_id": customer_id}
        body = asked(cases.Contest, decision_id=decision_id, why=why)
        return post("contest_decision", template, cases.CaseOpened, extra, Posted(body, path))

    @operation
    def case_figures(self, **extra: Unpack[Extra]) -> Call[cases.CaseFigures]:
        """Cases and promises in numbers."""
        return get("case_figures", "/v1/case-figures", cases.CaseFigures, extra)

    @operation
    def help_figures(
        self, first: date | None = None, last: date | None = None, **extra: Unpack[Extra]
    ) -> Call[cases.HelpFigures]:
        """Help in numbers: offers, sendings, answers, promises, cases. first, last: bank-local, both included."""
        return get("help_figures", "/v1/help-figures", cases.HelpFigures, extra, **{"from": first, "to": last})

    @listing
    def list_promises(
        self, *, state: cases.PromiseStateName | None = None, page_size: int = PAGE, **extra: Unpack[Extra]
    ) -> Listed[cases.PromisesPage, cases.PromiseShown]:
        """Promises to pay by due day."""
        call = get(
            "list_promises", "/v1/promises", cases.PromisesPage, extra, state=state, limit=page_size, cursor=None
        )
        return Listed(call, lambda page: page.items, lambda page: page.further)

    @operation
    def record_promise(self, promised: cases.NewPromise, **extra: Unpack[Extra]) -> Call[cases.PromiseMade]:
        """Write down that a customer promises to pay. Payments judge it by themselves."""
        return post("record_promise", "/v1/promises", cases.PromiseMade, extra, Posted(promised))

    @operation
    def release_promise(self, promise_id: str, **extra: Unpack[Extra]) -> Call[cases.PromiseShown]:
        """Let a customer off a promise."""
        template, path = "/v1/promises/{promise_id}/release", {"promise_id": promise_id}
        return post("release_promise", template, cases.PromiseShown, extra, Posted(path=path))

    @operation
    def record_override(self, overridden: cases.NewOverride, **extra: Unpack[Extra]) -> Call[cases.OverrideMade]:
        """Write down that a person did other than was decided."""
        return post("record_override", "/v1/overrides", cases.OverrideMade, extra, Posted(overridden))

    @operation
    def override_quality(self, **extra: Unpack[Extra]) -> Call[cases.OverrideQuality]:
        """Overrides in numbers, and how customers fared."""
        return get("override_quality", "/v1/override-quality", cases.OverrideQuality, extra)
