"""The tree keeps the shape that ARCHITECTURE.md gives it: every file is parsed and held to its layer's rules."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from forbear.compiled import READ_BY_KERNELS

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "src" / "forbear"
SOURCES = sorted(PACKAGE.rglob("*.py"))

CHAIN = ("domain", "features", "models", "policy", "engine", "adapters", "apps")
"""A layer imports its own and those to its left."""
BESIDE = {
    "simulation": {"domain", "features", "models", "policy", "engine"},
    "importers": {"domain", "features", "models", "policy", "engine"},
    "testing": {"domain", "features", "models", "policy", "engine"},
    "client": {"domain"},
    "certifier": {"domain"},
}
"""Stand beside the chain: what each may import but itself. In the chain only apps imports them."""
NARROWER = {"models": {"domain"}, "policy": {"domain"}}
"""Layers that take less than all to their left: models know columns, not ledgers; policy is read without either."""
CORE = ("domain", "features", "models", "policy", "engine")
"""No clock, no environment, no unseeded chance, no files."""

OWN_KERNELS = {"features", "models", "simulation", "apps"}
"""Who may use forbear/compiled.py: the root module that finds a folder for compiled kernels, and so is the one
exception to "no environment and no files". apps has no kernels: it asks to hear when one is compiled."""

ALLOWED = {
    "domain": {"msgspec"},
    "features": {"msgspec", "numpy", "numba"},
    "models": {"msgspec", "numpy", "scipy", "sklearn", "xgboost"},
    "policy": {"msgspec", "numpy"},
    "engine": {"msgspec", "numpy"},
    "adapters": {
        "msgspec",
        "numpy",
        "pyarrow",
        "holidays",
        "sqlalchemy",
        "alembic",
        "cryptography",
        "psycopg",
        "confluent_kafka",
        "tenacity",
        "pybreaker",
        "boto3",
        "botocore",
        "apprise",
    },
    "apps": {
        *("msgspec", "numpy", "matplotlib", "reportlab", "rich", "structlog", "typer"),
        *("fastapi", "starlette", "uvicorn", "pydantic", "httpx", "jwt"),
        *("altair", "pandas", "streamlit", "prometheus_client", "opentelemetry"),
    },
    "simulation": {"msgspec", "numpy", "numba"},
    "importers": {"msgspec", "numpy", "pyarrow"},
    "testing": {"msgspec", "numpy", "hypothesis", "pytest", "aiosmtpd", "playwright"},
    "client": {"msgspec", "pydantic", "httpx", "websockets"},
    "certifier": set(),
    "data": set(),
    "": {"numba", "llvmlite"},
}
"""Third parties by layer; "" is the package's root, where kernels are compiled."""
ONLY_IN: dict[str, str | tuple[str, ...]] = {
    "holidays": "adapters/holidays.py",
    "cryptography": ("adapters/vault.py", "adapters/signing.py"),
    "confluent_kafka": "adapters/kafka",
    "psycopg": "adapters/sql/dialects/postgresql.py",
    "tenacity": "adapters/patience.py",
    "pybreaker": "adapters/patience.py",
    "boto3": "adapters/s3.py",
    "botocore": "adapters/s3.py",
    "apprise": "adapters/outreach/apprise_gateway.py",
    "aiosmtpd": "testing/servers/mail.py",
    "fastapi": "apps/api",
    "starlette": "apps/api",
    "uvicorn": "apps/api/serving.py",
    "jwt": "apps/api/oidc.py",
    "reportlab": "apps/report/story_pdf.py",
    "altair": "apps/dashboard",
    "pandas": "apps/dashboard",
    "streamlit": "apps/dashboard",
    "playwright": "testing/servers/browser.py",
    "prometheus_client": "apps/metrics",
    "opentelemetry": "apps/tracing",
}
"""Libraries that one file, or the files of one folder, import alone; of cryptography both files hold keys."""
NEVER = {"pickle", "cPickle", "_pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
"""What can run code when it reads a file."""

WORLDLY = {
    *("os", "sys", "io", "pathlib", "shutil", "tempfile", "glob", "subprocess", "socket", "ssl", "http", "urllib"),
    *("logging", "signal", "threading", "asyncio", "multiprocessing", "time", "random", "secrets", "uuid", "sqlite3"),
}
"""Modules of the standard library through which a core layer could reach clock, chance, environment or files."""
CLOCKS = {"now", "today", "utcnow", "monotonic", "perf_counter", "time_ns"}
WORLDLY_CALLS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}
SEEDED = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox", "BitGenerator"}
"""What of numpy.random a core layer may name; default_rng only with a seed."""

MOST_LINES, MOST_CODE = 400, 50
LONG_FUNCTIONS: dict[str, str] = {}
"""Functions that may be longer, each with its reason."""

READ = ("src", "tests", "docs", "bench", "deploy", ".ci", ".github")
"""Folders whose files are read as text, beside the files at the top."""
TEXTS = {".py", ".md", ".toml", ".sql", ".txt", ".yaml", ".yml", ""}
UNDONE = re.compile("|".join(rf"\b{head}{tail}\b" for head, tail in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"))))
OF_A_MACHINE = re.compile(r"(?<![\w.~-])/(?:home|Users|root|work|mnt|media|srv)/[\w.-]|\b[A-Z]:\\\\?Users\b")
"""Absolute paths that hold on one machine only."""

each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))


@each_source
def test_imports_point_inward(path: Path) -> None:
    """No module imports a layer further out than its own, and only apps imports what stands beside the chain."""
    layer = layer_of(path)
    strangers = {target for target in layers_imported(path) if target not in may_import(layer)}

    assert not strangers, f"{layer or 'the root'} may not import {sorted(strangers)}"


@each_source
def test_third_parties_are_listed(path: Path) -> None:
    """Each layer uses only the libraries of its list, a driver only in its own file, and nobody pickles."""
    found = {name.partition(".")[0] for name in imported(path)} - {"forbear", "__future__"}

    assert not found & NEVER, "files are read as data, never as code"
    assert not {name for name in found if name not in sys.stdlib_module_names} - ALLOWED[layer_of(path)]
    for library, home in ONLY_IN.items():
        homes = (home,) if isinstance(home, str) else home
        assert library not in found or {PACKAGE / one for one in homes} & {path, *path.parents}


@each_source
def test_core_touches_nothing(path: Path) -> None:
    """A core layer names no clock, no environment, no unseeded chance and no file; time is an argument."""
    if layer_of(path) not in CORE:
        return

    assert not {name.partition(".")[0] for name in imported(path)} & WORLDLY
    assert not list(touches(tree_of(path)))


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.parent == PACKAGE / "certifier"], ids=lambda path: path.name
)
def test_the_certifier_shares_nothing_with_what_it_judges(path: Path) -> None:
    """A second reading is one only as long as it is its own: the standard library, and the errors of the domain."""
    shared = {name for name in imported(path) if name.startswith("forbear") and "certifier" not in name}

    assert {name for name in shared if not name.startswith("forbear.domain.errors")} == set()
    assert not {name.partition(".")[0] for name in imported(path)} & WORLDLY


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if PACKAGE / "apps" / "dashboard" in path.parents],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_the_dashboard_knows_only_what_the_interface_tells(path: Path) -> None:
    """It asks over HTTP as any program would, so that roles hold: `client`, `domain`, and files of its own."""
    known = ("forbear.apps.dashboard", "forbear.client", "forbear.domain", "forbear.apps.console")
    strangers = {name for name in imported(path) if name.startswith("forbear.") and not name.startswith(known)}
    if path.name == "instruments.py":
        # Beside pages: what its process tells of itself, in the words and by the means of every other process.
        telling = (
            "forbear.apps.masking",
            "forbear.apps.metrics",
            "forbear.apps.telemetry",
            "forbear.apps.tracing.port",
        )
        strangers = {name for name in strangers if not name.startswith(telling)}

    assert not strangers - {"forbear.apps"}


@pytest.mark.parametrize("layer", READ_BY_KERNELS)
def test_kernels_take_from_what_their_cache_is_named_by(layer: str) -> None:
    """Whatever a file with kernels imports, however far, lies in the layers by whose content its cache is named."""
    reached = {path for path in SOURCES if layer_of(path) == layer and "compiled" in layers_imported(path)}
    assert reached
    while further := {into for path in reached for into in modules_imported(path)} - reached:
        reached |= further

    assert {layer_of(path) for path in reached} <= {*READ_BY_KERNELS[layer], ""}


@each_source
def test_files_and_functions_are_short(path: Path) -> None:
    """At most 400 lines a file and 50 lines of code a function, docstring, comments and blank lines aside."""
    assert len(lines_of(path)) <= MOST_LINES
    long = {name: code for name, code in functions(path) if code > MOST_CODE and name not in LONG_FUNCTIONS}
    assert not long


@each_source
def test_public_things_are_described(path: Path) -> None:
    """Every module and every public function, class and method has a docstring."""
    assert ast.get_docstring(tree_of(path)), "the module has none"
    assert not list(undescribed(tree_of(path)))


def test_exceptions_are_needed() -> None:
    """No exception outlives what it excuses, and every layer that is there has its list."""
    known = {name for path in SOURCES for name, _ in functions(path)}
    layers = {layer_of(path) for path in SOURCES}

    assert set(LONG_FUNCTIONS) <= known
    assert layers <= {*CHAIN, *BESIDE, "data", ""}
    assert layers <= set(ALLOWED)


def test_nothing_is_left_undone() -> None:
    """No file defers its work to a note, and none names a folder of one machine."""
    found = [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()[:80]}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNDONE.search(line) or OF_A_MACHINE.search(line)
    ]

    assert not found


# ---- the rules themselves are tried on small sources


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\nx = datetime.datetime.now()",
        "from datetime import date\nx = date.today()",
        "with open('x') as f: pass",
        "import numpy as np\nx = np.random.default_rng()",
        "import numpy as np\nx = np.random.rand(3)",
        "from numpy.random import default_rng\nx = default_rng()",
    ],
)
def test_touches_are_found(source: str) -> None:
    """What reaches for clock, chance or file is seen, however it is spelt."""
    assert list(touches(ast.parse(source)))


def test_seeded_chance_is_let_through() -> None:
    """A generator with a seed, and a datetime that is passed in, are the core's own business."""
    assert not list(touches(ast.parse("import numpy as np\ndef f(seed, at): return np.random.default_rng(seed), at")))


def test_lines_of_code_are_counted() -> None:
    """Docstring, comments and blank lines do not count; the signature does."""
    source = 'def f(\n    a,\n):\n    """One.\n\n    Two."""\n    # why\n\n    return a\n'
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert code_lines(function, source.splitlines()) == 4


# ---- reading the tree


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def lines_of(path: Path) -> tuple[str, ...]:
    """The lines of a source file."""
    return tuple(path.read_text(encoding="utf-8").splitlines())


def layer_of(path: Path) -> str:
    """The folder under the package that a file belongs to, "" for the root."""
    inside = path.relative_to(PACKAGE).parts
    return inside[0] if len(inside) > 1 else ""


def imported(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports, inside functions too; for `from a import b` also a.b."""
    names: set[str] = set()
    package = ("forbear", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def layers_imported(path: Path) -> set[str]:
    """Layers of our own package that a file imports; "" for the root, "compiled" for forbear/compiled.py."""
    inside = [name.split(".") for name in imported(path) if name.partition(".")[0] == "forbear"]
    modules = {*CHAIN, *BESIDE, "data", "compiled"}
    return {parts[1] if len(parts) > 1 and parts[1] in modules else "" for parts in inside}


def modules_imported(path: Path) -> set[Path]:
    """Files of our own package that a file imports."""
    inside = {name.removeprefix("forbear.").replace(".", "/") for name in imported(path) if name.startswith("forbear.")}
    return {PACKAGE / f"{name}.py" for name in inside} & set(SOURCES)


def may_import(layer: str) -> set[str]:
    """Layers that a layer may import, the root's version and itself included."""
    if layer in BESIDE:
        allowed = BESIDE[layer] | {layer, ""}
    elif layer in CHAIN:
        allowed = NARROWER.get(layer, set(CHAIN[: CHAIN.index(layer)])) | {layer, ""}
        allowed |= {*BESIDE, "data"} if layer == "apps" else set()
    else:
        allowed = {""}
    return allowed | ({"compiled"} if layer in OWN_KERNELS else set())


def touches(tree: ast.Module) -> Iterator[str]:
    """Where a tree reaches for the world: a clock's name, a call that does I/O, chance without a seed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr in CLOCKS:
                yield f"{node.lineno}: .{node.attr}"
            if isinstance(node.value, ast.Attribute) and node.value.attr == "random" and node.attr not in SEEDED:
                yield f"{node.lineno}: random.{node.attr}"
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            unseeded = name == "default_rng" and not (node.args or node.keywords)
            if unseeded or (isinstance(node.func, ast.Name) and name in WORLDLY_CALLS):
                yield f"{node.lineno}: {name}()"


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name, as module:function, and lines of code of every function of a file."""
    where = path.relative_to(PACKAGE).with_suffix("").as_posix()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{where}:{node.name}", code_lines(node, list(lines_of(path)))


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    """Lines from the signature to the end that bear code."""
    first = function.body[0]
    described = ast.get_docstring(function, clean=False) is not None
    docstring = range(first.lineno, (first.end_lineno or first.lineno) + 1) if described else range(0)
    return sum(
        1
        for number in range(function.lineno, (function.end_lineno or function.lineno) + 1)
        if number not in docstring and lines[number - 1].strip() and not lines[number - 1].lstrip().startswith("#")
    )


def undescribed(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Public functions, classes and methods without a docstring; what stands inside a function is its own affair."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield f"{node.lineno}: {node.name}"
        if isinstance(node, ast.ClassDef):
            yield from undescribed(node)


def texts() -> Iterator[Path]:
    """Every file of the project that people write, compiled caches and the locked versions aside."""
    inside = (path for folder in READ for path in (PROJECT / folder).rglob("*") if "__pycache__" not in path.parts)
    for path in sorted([*PROJECT.iterdir(), *inside]):
        if path.is_file() and path.suffix in TEXTS:
            yield path
