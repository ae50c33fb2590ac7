"""Authorization: the decorator of the views and the permission class of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django_htmx.middleware import HtmxDetails
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from tenants.addresses import site_path
from tenants.card_numbers import holds_card_number
from tenants.kept_forms import keep, open_page
from tenants.models import Membership
from tenants.roles import Permission

__all__ = [
    "Can",
    "HasPermission",
    "Permission",
    "card_number_typed",
    "no_company",
    "refused",
    "staff",
    "to_sign_in",
]

View = Callable[..., HttpResponseBase]


class Can:
    """The signed-in person's permissions, for templates: `{% if can.send_texts %}`."""

    def __init__(self, membership: Membership | None) -> None:
        self._membership = membership

    def __getattr__(self, name: str) -> bool:
        if name not in Permission.values:
            raise AttributeError(name)
        return bool(self._membership and self._membership.allows(Permission(name)))


def staff(permission: Permission, *others: Permission) -> Callable[[View], View]:
    """Restrict a view to signed-in people whose role has one of these permissions.

    Anonymous: redirect to the sign-in page. No tenant: a page that says so. Not permitted: 403
    with the words of the permission, so that the person knows what to ask for. A card or bank
    number in the input: 422, and the view is not called.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            membership = getattr(request, "membership", None)
            if membership is None:
                return no_company(request)
            if not any(membership.allows(one) for one in (permission, *others)):
                raise PermissionDenied(str(permission.label))
            if card_number_typed(request):
                return refused(request)
            return view(request, *args, **kwargs)

        # Read by the tests of roles and of the architecture.
        guarded.__dict__.update(staff_permission=permission, other_permissions=others)
        return guarded

    return decorate


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page, and afterwards to the page that was open.

    A sent form is kept for the person who typed it, see kept_forms.py. A part of a page, requested
    by htmx, redirects the whole page.
    """
    page = open_page(request)
    if request.method == "POST":
        keep(request, page)
    answer = redirect_to_login(page, site_path("account_login"))
    if not HtmxDetails(request):
        return answer
    return HttpResponse(status=204, headers={"HX-Redirect": answer.url})


def no_company(request: HttpRequest) -> HttpResponse:
    """Tell a signed-in person without a tenant what to do."""
    return render(request, "tenants/no_company.html", status=403)


def card_number_typed(request: HttpRequest) -> bool:
    """Whether a posted form holds a card or bank number anywhere but in a password."""
    return request.method == "POST" and any(
        holds_card_number(name) or ("password" not in name and any(map(holds_card_number, values)))
        for name, values in request.POST.lists()
    )


def refused(request: HttpRequest) -> HttpResponse:
    """Say that nothing was saved because of a card number: as a page or in the open dialog.

    Live checks while a person types show nothing; the person is told when they submit the form.
    """
    htmx = HtmxDetails(request)
    if htmx and htmx.target != "dialog":
        return HttpResponse(status=422, headers={"HX-Reswap": "none"})
    name = "_card_number" if htmx else "card_number"
    return render(request, f"tenants/{name}.html", status=422)


class CardNumberSent(APIException):
    """The API was sent a card or bank number."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "card_number"
    default_detail = (
        "The request contains a card or bank account number. Nothing was saved or sent. "
        "Remove the number; its last four digits are enough."
    )


class HasPermission(BasePermission):
    """The API's counterpart of `staff`: a viewset lists its permissions by action.

    `permissions_by_action = {"list": Permission.VIEW_INVOICES, ...}`; an action that is not listed
    is refused. Raises CardNumberSent where one was sent.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the person's role allows what this action needs."""
        membership = getattr(request, "membership", None)
        action = getattr(view, "action", "")
        if action is None:  # the method does not exist here: DRF answers 405
            return membership is not None
        needed = getattr(view, "permissions_by_action", {}).get(action)
        if not (membership and needed and membership.allows(needed)):
            return False
        if any(map(holds_card_number, _words_in(request.data))):
            raise CardNumberSent
        return True


def _words_in(data: object) -> Iterator[str]:
    """Every name and value in JSON, at any depth."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield name
            yield from _words_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from _words_in(value)
    else:
        yield str(data)
