"""Customers and their contacts, for staff. textpay/pages/ shows the page of one customer."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from customers.forms import ContactForm, CustomerForm
from customers.models import Contact, Customer
from tenants.access import Permission, staff
from tenants.form_keys import makes_once, not_confirmed
from tenants.requests import StaffRequest
from tenants.versions import for_change, holds_its_row

PER_PAGE = 25


@require_safe
@staff(Permission.VIEW_CUSTOMERS)
def index(request: HttpRequest) -> HttpResponse:
    """All customers, or those that match the search."""
    words = request.GET.get("q", "").strip()[:80]
    customers = Customer.objects.with_contacts()
    if words:
        customers = customers.matching(words)
    page = Paginator(customers, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "customers/list.html", {"page": page, "words": words})


@staff(Permission.EDIT_CUSTOMERS)
@makes_once
def create(request: StaffRequest) -> HttpResponse:
    """A new customer with its billing contact."""
    form = CustomerForm(request.POST or None, instance=Customer(tenant=request.tenant))
    person = ContactForm(request.POST or None, prefix="contact", instance=Contact(is_billing=True))
    if request.method == "POST" and form.is_valid() and person.is_valid():
        name, mobile = form.cleaned_data["name"], person.cleaned_data["mobile"]
        similar = Customer.objects.similar(name, mobile).first() if mobile else None
        if not_confirmed(request, similar):
            context = {"form": form, "person": person, "similar": similar}
            return render(request, "customers/new.html", context, status=422)
        with transaction.atomic():
            customer = form.save_as(request.user)
            person.instance.customer = customer
            person.save_as(request.user)
        messages.success(request, f"{customer.name} added")
        return redirect("customers:detail", customer.public_id)
    return _form(request, "customers/new.html", {"form": form, "person": person}, form, person)


@staff(Permission.EDIT_CUSTOMERS)
@holds_its_row
def edit(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Name, address and note of a customer."""
    customer = for_change(request, Customer.objects.all(), public_id=public_id)
    form = CustomerForm(request.POST or None, instance=customer)
    if request.method == "POST" and form.is_valid():
        form.save_as(request.user)
        messages.success(request, f"{customer.name} saved")
        return redirect("customers:detail", customer.public_id)
    return _form(request, "customers/edit.html", {"form": form, "customer": customer}, form)


@require_POST
@staff(Permission.EDIT_CUSTOMERS)
def reminders(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Pause reminders** of this customer, or resume them."""
    customer = _load(public_id)
    paused = request.POST.get("paused") == "yes"
    customer.pause_reminders(paused, actor=request.user)
    messages.success(request, "Reminders paused" if paused else "Reminders resumed")
    return redirect("customers:detail", customer.public_id)


@staff(Permission.EDIT_CUSTOMERS)
@makes_once
def contact_create(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Add a contact to a customer."""
    return _contact(request, Contact(customer=_load(public_id)))


@staff(Permission.EDIT_CUSTOMERS)
@holds_its_row
def contact_edit(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Edit Contact**."""
    contact = get_object_or_404(Contact.objects.select_related("customer"), public_id=public_id)
    # Whoever saves a contact holds the customer: its billing contact may change.
    for_change(request, Customer.objects.all(), pk=contact.customer_id)
    contact.refresh_from_db()
    return _contact(request, contact)


def _contact(request: StaffRequest, contact: Contact) -> HttpResponse:
    form = ContactForm(request.POST or None, instance=contact)
    if request.method == "POST" and form.is_valid():
        similar = _same_contact(form) if contact.pk is None else None
        if not_confirmed(request, similar):
            context = {"form": form, "contact": contact, "similar": similar}
            return render(request, "customers/contact.html", context, status=422)
        form.save_as(request.user)
        messages.success(request, f"{contact.name} saved")
        return redirect("customers:contacts", contact.customer.public_id)
    return _form(request, "customers/contact.html", {"form": form, "contact": contact}, form)


def _same_contact(form: ContactForm) -> Contact | None:
    """A contact of this customer with the same name and mobile number."""
    name, mobile = form.cleaned_data["name"].strip(), form.cleaned_data["mobile"]
    contacts = Contact.objects.filter(customer=form.instance.customer, mobile=mobile)
    return contacts.exclude(mobile="").filter(name__iexact=name).first()


def _load(public_id: uuid.UUID) -> Customer:
    return get_object_or_404(Customer.objects.with_contacts(), public_id=public_id)


def _form(
    request: HttpRequest, template: str, context: dict[str, object], *forms: object
) -> HttpResponse:
    """Show a form; 422 when the posted one has errors."""
    wrong = any(getattr(form, "errors", None) for form in forms)
    return render(request, template, context, status=422 if wrong else 200)
