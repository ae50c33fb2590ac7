"""Forms that change a row carry what they showed, so that nobody undoes a colleague's work unseen.

`VersionedForm` adds a hidden, signed `version` to the form. A form that is sent after the row has
moved on saves nothing; templates/_form_errors.html then shows what was shown, what is stored now
and what was typed, and the form can be sent again or left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from django import forms
from django.core import signing
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property

from tenants.card_numbers import without_card_numbers

MOVED_ON = (
    "Somebody changed this while the page was open. Nothing was saved. Compare below, then save "
    "what you typed, or go on from what is stored."
)
UNKNOWN_VERSION = (
    "This page was opened before Textpay was updated, so nothing was saved. Check the fields, and "
    "save again."
)
Row = TypeVar("Row", bound=Model)


def holds_its_row(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Run the view of a form in one transaction when the form is sent; see `for_change`."""

    @wraps(view)
    def held(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            return view(request, *args, **kwargs)

    return held


def for_change(request: HttpRequest, rows: QuerySet[Row], **which: object) -> Row:
    """The row that a form changes, or 404; held until the transaction ends when it is a POST."""
    if request.method == "POST":
        rows = rows.select_for_update(of=("self",), no_key=True)
    return get_object_or_404(rows, **which)


class Difference(NamedTuple):
    """One field of a form that was overtaken, in words."""

    label: str
    shown: str
    stored: str
    typed: str


class VersionedForm(forms.BaseForm):
    """Base of forms that change one existing row.

    The view loads the row under its lock before it makes the form of a POST; otherwise two forms
    that are sent at the same moment both find their version.
    """

    data: Any
    instance: Any
    in_dialog = False
    page = ""  # the address that shows the form again; "" is the form's own
    moved_on: tuple[Difference, ...] = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.row() is not None:
            self.fields["version"] = forms.CharField(
                required=False, widget=forms.HiddenInput, initial=self._version
            )

    def full_clean(self) -> None:
        """Also compare the version."""
        super().full_clean()
        if self.is_bound and "version" in self.fields:
            self._compare()

    @cached_property
    def changed_data(self) -> list[str]:
        """The names of fields that a person changed."""
        return [name for name in super().changed_data if name != "version"]

    @property
    def changes(self) -> dict[str, list[str]]:
        """What a valid form changes, for the history: [old, new] by field, in words."""
        old, new = self.stored_words(), self.typed_words()
        names = [name for name in old if old[name] != new[name]]
        return {
            self.label_of(name): [without_card_numbers(words[name]) for words in (old, new)]
            for name in names
        }

    def row(self) -> Model | None:
        """The row that the form changes; None for one that adds a row."""
        return self.instance if self.instance.pk else None

    def stored_words(self) -> dict[str, str]:
        """What the row holds now, by field, as people read it."""
        return {
            name: _words(field, self.get_initial_for_field(field, name))
            for name, field in self._compared()
        }

    def typed_words(self) -> dict[str, str]:
        """What was typed, by field."""
        return {
            name: self.stored_words()[name] if field.disabled else _words(field, self[name].data)
            for name, field in self._compared()
        }

    def label_of(self, name: str) -> str:
        """The words beside a field."""
        return str(self[name].label) if name in self.fields else name

    def _compared(self) -> list[tuple[str, forms.Field]]:
        return [
            (name, field)
            for name, field in self.fields.items()
            if not isinstance(field.widget, forms.HiddenInput | forms.PasswordInput)
        ]

    def _version(self) -> str:
        return signing.dumps(self.stored_words(), salt=self._salt(), compress=True)

    def _salt(self) -> str:
        row = self.row() or self.instance
        return f"version:{type(self).__name__}:{row._meta.label}:{row.pk}"

    def _compare(self) -> None:
        sent, stored, typed = self["version"].data or "", self.stored_words(), self.typed_words()
        try:
            shown = signing.loads(sent, salt=self._salt())
        except signing.BadSignature:
            shown = None
        if shown == stored:
            return
        self.add_error(None, MOVED_ON if shown is not None else UNKNOWN_VERSION)
        self.moved_on = tuple(
            Difference(self.label_of(name), before, stored[name], typed[name])
            for name in stored
            if (before := (shown or stored).get(name, "")) != stored[name]
            or (shown is not None and typed[name] not in (before, stored[name]))
        )
        # The next time the form is sent, the person has seen what is stored now.
        self.data = self.data.copy()
        self.data[self.add_prefix("version")] = self._version()


def _words(field: Any, value: Any) -> str:
    """A value of a field as people read it; "" when empty."""
    choices: Any = getattr(field, "choices", ())
    if isinstance(field, forms.BooleanField):
        return "Yes" if value in (True, "on", "True", "true", "1") else "No"
    if isinstance(field, forms.MultipleChoiceField):
        chosen = {str(one) for one in (value or [])}
        return ", ".join(str(words) for key, words in choices if str(key) in chosen)
    if isinstance(field, forms.ChoiceField):
        return next((str(w) for key, w in choices if str(key) == str(value)), str(value or ""))
    if isinstance(field, forms.DecimalField):
        try:
            number = field.to_python(value)
        except forms.ValidationError:
            return str(value)
        return "" if number is None else f"{number:.{field.decimal_places or 0}f}"
    shown = field.widget.format_value(value)
    return " ".join(str(shown or "").split()) if not isinstance(shown, list) else str(shown)
