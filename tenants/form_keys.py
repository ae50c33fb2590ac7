"""Forms that make something carry a key, and the same key makes it once.

`{% form_key %}` puts the key into the form. A form that is sent again, because the answer was lost,
the button was pressed twice or **Back** brought the page back, shows what the first one made.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Protocol

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from tenants.models import FormKey
from tenants.requests import StaffRequest

ALREADY_SAVED = "You had saved this form before. Here is what it made; nothing was added twice."


def makes_once(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Run the view of a form that makes something once for each key, in one transaction.

    The key is used up when the view redirects. A second form with the same key that arrives in the
    meantime waits for the first.
    """

    @wraps(view)
    def once(request: StaffRequest, *args: object, **kwargs: object) -> HttpResponse:
        key = _key(request)
        if key is None:
            return view(request, *args, **kwargs)
        with transaction.atomic():
            used, is_new = FormKey.objects.get_or_create(tenant=request.tenant, key=key)
            if not is_new:
                messages.info(request, ALREADY_SAVED)
                return redirect(used.address)
            response = view(request, *args, **kwargs)
            if address := response.headers.get("Location", ""):
                used.address = address
                used.save(update_fields=["address"])
            else:
                used.delete()
        return response

    return once


class Similar(Protocol):
    """Something made lately that the new one looks like."""

    @property
    def public_id(self) -> uuid.UUID:
        """The id that confirms that the new one is another."""


def not_confirmed(request: HttpRequest, similar: Similar | None) -> bool:
    """Whether a person has yet to be told that this looks like something that exists.

    The form is shown again with templates/_similar.html; sent once more, it is saved.
    """
    return similar is not None and request.POST.get("similar") != str(similar.public_id)


def _key(request: StaffRequest) -> uuid.UUID | None:
    if request.method != "POST":
        return None
    try:
        return uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return None
