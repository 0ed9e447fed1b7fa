"""The formulas as one program: each is traced once, what they share is worked out once, and one kernel runs it all.

A formula is numpy over whole columns. Run as it stands it would pass over memory hundreds of times and come back to
the interpreter after each; as a program it goes through the kernel for a few customers at a time, whose numbers stay
in the cache. Every step is one operation of IEEE double precision, as numpy's is: the values are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from forbear.compiled import borrowed, compiled, inlined
from forbear.features.ledger import Floats, Question

LANES = 64
"""Customers that go through the program side by side."""


class Op(IntEnum):
    """What a step does with the registers a, b, c. The truth of a comparison is 1.0 or 0.0.

    ANSWER: the answer to question a.  RESULT: the value in column `to` is that of register a.
    """

    ANSWER = 0
    RESULT = 1
    ADD = 2
    SUBTRACT = 3
    MULTIPLY = 4
    DIVIDE = 5
    GREATER = 6
    GREATER_EQUAL = 7
    LESS = 8
    LESS_EQUAL = 9
    BOTH = 10
    NOT = 11
    UNKNOWN = 12
    ROOT = 13
    WHERE = 14
    CLIP = 15
    NEGATIVE = 16


_OPS = {
    "add": Op.ADD,
    "subtract": Op.SUBTRACT,
    "multiply": Op.MULTIPLY,
    "divide": Op.DIVIDE,
    "greater": Op.GREATER,
    "greater_equal": Op.GREATER_EQUAL,
    "less": Op.LESS,
    "less_equal": Op.LESS_EQUAL,
    "bitwise_and": Op.BOTH,
    "invert": Op.NOT,
    "isnan": Op.UNKNOWN,
    "sqrt": Op.ROOT,
    "where": Op.WHERE,
    "clip": Op.CLIP,
    "negative": Op.NEGATIVE,
}
"""By numpy's names. `&` and `~` are those of truths: a formula has no whole numbers."""


class Program(NamedTuple):
    """steps: (m, 5) int32 of (Op, to, a, b, c).  constants: what the first registers hold.  registers: how many.

    columns: of the values.
    """

    steps: NDArray[np.int32]
    constants: Floats
    registers: int
    columns: int


class Traced(NDArrayOperatorsMixin):
    """A column that is not there yet: whatever numpy is asked to do with it is noted in its trace."""

    def __init__(self, trace: Trace, place: int) -> None:
        self._trace = trace
        self.place = place

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Traced:
        return self._trace.noted(function.__name__ if method == "__call__" else method, inputs, options)

    def __array_function__(self, function: Any, _types: Any, inputs: Any, options: Any) -> Traced:
        return self._trace.noted(function.__name__, inputs, options)

    def __bool__(self) -> bool:
        raise TypeError("a formula has no branches, it speaks of many customers at once: use numpy.where")


class Trace:
    """Answers for formulas that are run in order to see what they do. Each value has a place of its own.

    questions: number of each, in the order in which they were first asked.
    """

    def __init__(self) -> None:
        self.questions: dict[Question, int] = {}
        self._constants: dict[bytes, int] = {}
        self._steps: dict[tuple[Op, tuple[int, ...]], int] = {}

    def __getitem__(self, question: Question, /) -> Floats:
        number = self.questions.setdefault(question, len(self.questions))
        return cast("Floats", self._step(Op.ANSWER, number))

    def noted(self, name: str, inputs: Iterable[Any], options: Any) -> Traced:
        """The value of an operation of numpy. Raises TypeError for one that no program knows."""
        if name not in _OPS or options:
            raise TypeError(f"a formula cannot use numpy's {name} {options or ''}: it can use {', '.join(_OPS)}")
        return self._step(_OPS[name], *(self.place(one) for one in inputs))

    def place(self, value: Any) -> int:
        """Where a traced value stands, or a constant."""
        if isinstance(value, Traced):
            return value.place
        return self._constants.setdefault(np.float64(value).tobytes(), self._places)

    def program(self, results: Sequence[int]) -> Program:
        """The program whose values have a column for each of some places.

        It has only the steps that lead to them, on registers that are taken again once they were read for the last
        time.
        """
        steps = self._leading_to(results)
        last_use = {one: at for at, (op, inputs) in enumerate(steps.values()) for one in _read(op, inputs)}
        last_use |= dict.fromkeys(results, len(steps))
        registers = {place: number for number, place in enumerate(self._constants.values())}
        rows, free, most = [], list[int](), len(registers)
        for at, (place, (op, inputs)) in enumerate(steps.items()):
            if not free:
                free, most = [most], most + 1
            registers[place] = free.pop()
            from_ = inputs if op is Op.ANSWER else [registers[one] for one in inputs]
            rows.append((op, registers[place], *from_, *[0] * (3 - len(from_))))
            free += [registers[one] for one in set(_read(op, inputs)) if one in steps and last_use[one] == at]
        rows += [(Op.RESULT, column, registers[place], 0, 0) for column, place in enumerate(results)]
        constants = np.frombuffer(b"".join(self._constants), dtype=np.float64)
        return Program(np.array(rows, dtype=np.int32).reshape(-1, 5), constants, most, len(results))

    # ---- inside

    @property
    def _places(self) -> int:
        return len(self._constants) + len(self._steps)

    def _step(self, op: Op, *inputs: int) -> Traced:
        return Traced(self, self._steps.setdefault((op, inputs), self._places))

    def _leading_to(self, results: Sequence[int]) -> dict[int, tuple[Op, tuple[int, ...]]]:
        """The steps without which some places would have no value, by place, each behind those that it reads."""
        wanted = set(results)
        for (op, inputs), place in reversed(self._steps.items()):
            wanted |= set(_read(op, inputs)) if place in wanted else set()
        return {place: step for step, place in self._steps.items() if place in wanted}


def _read(op: Op, inputs: tuple[int, ...]) -> tuple[int, ...]:
    """The places among a step's inputs: of an answer it is the number of a question."""
    return () if op is Op.ANSWER else inputs


def run(program: Program, answers: Floats) -> Floats:
    """(n, columns) values of (n, questions) answers."""
    values = np.empty((len(answers), program.columns))
    room = np.empty((program.registers, min(LANES, len(answers))))
    _run(program.steps, program.constants, room, np.ascontiguousarray(answers), values)
    return values


(_ANSWER, _RESULT, _ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _GREATER, _GREATER_EQUAL, _LESS, _LESS_EQUAL, _BOTH, _NOT,
 _UNKNOWN, _ROOT, _WHERE, _CLIP, _NEGATIVE) = (op.value for op in Op)  # fmt: skip


@compiled
def _run(steps: Any, constants: Any, room: Any, answers: Any, values: Any) -> None:
    """Fill values (n, columns). room: (registers, lanes) of the caller, who outlives what is borrowed here."""
    for place in range(len(constants)):
        room[place] = constants[place]
    held, answers, values, steps = borrowed(room), borrowed(answers), borrowed(values), borrowed(steps)
    for first in range(0, len(answers), LANES):
        count = min(LANES, len(answers) - first)
        for at in range(len(steps)):
            op, to = steps[at, 0], steps[at, 1]
            if op == _ANSWER:
                for lane in range(count):
                    held[to, lane] = answers[first + lane, steps[at, 2]]
            elif op == _RESULT:
                for lane in range(count):
                    values[first + lane, to] = held[steps[at, 2], lane]
            else:
                _do(op, held[to], (held[steps[at, 2]], held[steps[at, 3]], held[steps[at, 4]]), count)


@inlined
def _do(op: int, to: Any, read: Any, count: int) -> None:
    """One step for the first lanes of some registers. The loops are as plain as can be: they become vector code."""
    a, b, c = read
    if op == _ADD:
        for lane in range(count):
            to[lane] = a[lane] + b[lane]
    elif op == _SUBTRACT:
        for lane in range(count):
            to[lane] = a[lane] - b[lane]
    elif op == _MULTIPLY:
        for lane in range(count):
            to[lane] = a[lane] * b[lane]
    elif op == _DIVIDE:
        for lane in range(count):
            to[lane] = np.divide(a[lane], b[lane])  # by zero as IEEE says, not as Python does
    elif op == _WHERE:
        for lane in range(count):
            yes, no = b[lane], c[lane]  # both read before either is chosen: no jump
            to[lane] = yes if a[lane] != 0.0 else no
    elif op == _CLIP:
        for lane in range(count):
            raised = a[lane] if a[lane] > b[lane] or np.isnan(a[lane]) else b[lane]
            to[lane] = raised if raised < c[lane] or np.isnan(raised) else c[lane]
    elif op == _ROOT:
        for lane in range(count):
            to[lane] = np.sqrt(a[lane])
    elif op == _NEGATIVE:
        for lane in range(count):
            to[lane] = -a[lane]
    else:
        _tell(op, to, a, b, count)


@inlined
def _tell(op: int, to: Any, a: Any, b: Any, count: int) -> None:
    """One step whose outcome is a truth."""
    if op == _GREATER:
        for lane in range(count):
            to[lane] = 1.0 if a[lane] > b[lane] else 0.0
    elif op == _GREATER_EQUAL:
        for lane in range(count):
            to[lane] = 1.0 if a[lane] >= b[lane] else 0.0
    elif op == _LESS:
        for lane in range(count):
            to[lane] = 1.0 if a[lane] < b[lane] else 0.0
    elif op == _LESS_EQUAL:
        for lane in range(count):
            to[lane] = 1.0 if a[lane] <= b[lane] else 0.0
    elif op == _BOTH:
        for lane in range(count):
            to[lane] = a[lane] * b[lane]
    elif op == _NOT:
        for lane in range(count):
            to[lane] = 1.0 - a[lane]
    else:
        for lane in range(count):
            to[lane] = 1.0 if np.isnan(a[lane]) else 0.0
