"""The rules of the house, as far as a machine can read them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db.models import FloatField, Model
from django.urls import resolve
from django_scopes import ScopeError, scope

from audit.enqueue import LONGEST_WAIT
from audit.models import LABELS
from tenants.roles import Permission
from tests.test_isolation import routes
from textpay.public_urls import PUBLIC

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("textpay", "payments", "sms", "invoices", "customers", "audit", "tenants")
OURS = [model for model in apps.get_models() if model._meta.app_label in PRODUCT]
# Found by their company, and needed before anybody knows which one is meant.
OUTSIDE_SCOPES = {
    "ShortName",
    *("Tenant", "User", "Role", "Membership"),
    *("CardConnectAccount", "TwilioAccount", "TextRules"),
}
# Folders of templates, and names of URLs, that are not called like the app they belong to.
FOLDERS = {"pages": "textpay", "company": "textpay", "replies": "sms"}
# Tenant.Processor calls a processor like the relation by which CardConnectAccount is reached.
SAME_WORD = {("tenants", "cardconnect")}
# Whoever has signed in, whatever their role, and without a company too.
ANYBODY = {"tenants:here", "front_door", "former_address"}
SCOPED = [model for model in OURS if model.__name__ not in OUTSIDE_SCOPES]


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def test_the_staircase() -> None:
    """Import-linter's contracts: each floor imports only the floors below, the sandbox nobody."""
    tool = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def upper_names(app: str) -> set[str]:
    """The apps above, with their folders of templates and their names of URLs."""
    above = PRODUCT[: PRODUCT.index(app)]
    return {*above, *(name for name, floor in FOLDERS.items() if floor in above)}


def upper_relations(app: str) -> set[str]:
    """The names under which models above appear on the models of this app and those below."""
    above = PRODUCT[: PRODUCT.index(app)]
    return {
        str(relation.get_accessor_name())
        for model in OURS
        if model._meta.app_label not in above
        for relation in model._meta.related_objects
        if relation.related_model._meta.app_label in above and relation.get_accessor_name()
    }


def names_in(path: Path) -> Iterator[tuple[int, str]]:
    """Each string, attribute and keyword of a module, without docstrings, and its line."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.value.lineno, node.arg


@pytest.mark.parametrize("app", PRODUCT[1:])
def test_python_names_nothing_of_a_floor_above(app: str) -> None:
    """No template, URL or model of an upper app as a string, and no relation that it adds."""
    named = re.compile(rf"({'|'.join(upper_names(app))})[:/.]\w")
    relations = upper_relations(app)
    found = [
        f"{path}:{line} {name}"
        for path in sources(app)
        for line, name in names_in(path)
        if named.match(name) or name.split("__")[0] in relations
        if (app, name) not in SAME_WORD
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("app", PRODUCT[1:])
def test_templates_name_nothing_of_a_floor_above(app: str) -> None:
    """No template, URL, tag library or relation of an upper app."""
    libraries = {
        path.stem: path.parts[-3] for path in sources(*PRODUCT) if path.parts[-2] == "templatetags"
    }
    upper, relations = upper_names(app), upper_relations(app)
    found = []
    for path in sorted((ROOT / "templates" / app).rglob("*.*")):
        for tag in re.findall(r"\{[{%](.*?)[%}]\}", path.read_text()):
            words = tag.split()
            names = {*re.findall(r"[\"'](\w+)[:/]\w", tag)}
            if words[0] == "load":
                names |= {libraries.get(word, "") for word in words[1:]}
            read = {*re.findall(r"\.(\w+)", tag)}
            if names & upper or read & relations:
                found.append(f"{path}: {tag.strip()}")
    assert not found, "\n".join(found)


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("path", [*sources(*PRODUCT, "sandbox")], ids=lambda p: str(p.name))
def test_imports_stand_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            hidden = [n for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom)]
            assert not hidden, f"{path}:{hidden[0].lineno} imports inside a function"


def test_money_is_never_a_float() -> None:
    """No float field, and nothing is made one."""
    for model in OURS:
        assert not any(isinstance(field, FloatField) for field in model._meta.fields), model
    for path in sources("payments", "sms", "invoices", "customers", "audit", "tenants"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            assert not (called and node.func.id == "float"), f"{path}:{node.lineno}"  # type: ignore[attr-defined]


def test_row_locks_do_not_block_foreign_keys() -> None:
    """A plain FOR UPDATE blocks every insert that refers to the row, and so deadlocks."""
    for path in sources(*PRODUCT):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                words = {word.arg: ast.unparse(word.value) for word in node.keywords}
                locks = node.func.attr == "select_for_update"
                assert not locks or words.get("no_key") == "True", f"{path}:{node.lineno}"


def test_public_pages_live_where_reviewers_look() -> None:
    """What works without signing in lives in one of four files, and is on the list."""
    for name, pattern in routes():
        if name.startswith("admin:") or name.startswith("account_"):
            continue
        file = pattern.callback.__module__.rpartition(".")[2]
        is_public = file in ("public", "webhooks", "inbound", "health")
        assert is_public == (name in PUBLIC), f"{name} in {file}.py"


def test_every_other_page_asks_for_a_permission() -> None:
    for name, pattern in routes():
        if name in PUBLIC | ANYBODY or name.startswith(("admin:", "account_")):
            continue
        view = pattern.callback
        if name.startswith("api:"):
            actions = set(view.actions.values())
            assert actions <= set(view.cls.permissions_by_action), name
        else:
            assert getattr(view, "staff_permission", None) in Permission, name


@pytest.mark.django_db
@pytest.mark.parametrize("model", SCOPED, ids=lambda m: m.__name__)
def test_a_query_without_company_raises(model: type[Model]) -> None:
    with scope():
        for ask in ("all", "count", "first", "exists"):
            with pytest.raises(ScopeError):
                getattr(model.objects, ask)()  # type: ignore[attr-defined]
        with pytest.raises(ScopeError):
            model.objects.filter(pk=1)  # type: ignore[attr-defined]


def test_everything_of_a_company_is_scoped() -> None:
    for model in SCOPED:
        assert "tenant" in {field.name for field in model._meta.fields}, model


def test_every_status_has_words() -> None:
    """A status that has no words in the history could not be entered there."""
    for model in OURS:
        if prefix := getattr(model, "AUDIT_PREFIX", None):
            reachable = set().union(*model.TRANSITIONS.values())  # type: ignore[attr-defined]
            assert {f"{prefix}.{status}" for status in reachable} <= set(LABELS), model


def test_names_of_files_say_what_is_in_them() -> None:
    for path in sources(*PRODUCT):
        assert path.stem not in {"utils", "helpers", "common", "services", "selectors", "signals"}


def test_templates_can_be_read() -> None:
    """No long lines, and no chain of cases inside one: each case stands on a line of its own."""
    for path in sorted((ROOT / "templates").rglob("*.*")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert len(line) <= 160, f"{path}:{number} has {len(line)} characters"
            assert line.count("{% elif") <= 2, f"{path}:{number} has too many cases"


def test_scripts_hold_no_sentences() -> None:
    """What a person reads comes from the server: no text of three words or more in a script."""
    strings = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`]*`")
    sentence = re.compile(r"[A-Za-z]\w+ [a-z]\w* [a-z]\w*")
    for path in sorted((ROOT / "static" / "js").glob("*.js")):
        code = re.sub(r"^\s*//.*$|\s//\s.*$", "", path.read_text(), flags=re.MULTILINE)
        found = [text for text in strings.findall(code) if sentence.search(text)]
        assert not found, f"{path} holds {found}"


def test_no_message_waits_at_the_broker() -> None:
    """A due moment is a column. Redis delivers a message again that waits for long."""
    for path in sources(*PRODUCT):
        is_enqueue = path.relative_to(ROOT) == Path("audit/enqueue.py")
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            named = {word.arg: word.value for word in node.keywords}
            place = f"{path}:{node.lineno}"
            assert is_enqueue or not {"countdown", "eta"} & set(named), place
            wait = named.get("wait")
            if isinstance(wait, ast.Constant):
                assert wait.value <= LONGEST_WAIT, place
    redelivered = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert redelivered >= 5 * LONGEST_WAIT


def test_home_is_home() -> None:
    home = resolve("/", settings.COMPANY_URLCONF)
    assert home.func.__module__ == "textpay.pages.home"
