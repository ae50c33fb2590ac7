"""One practice company at work: what its people, customers and providers do, one verb each."""

from __future__ import annotations

import datetime as dt
import random
import secrets
import uuid
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone
from django_scopes import scope

from audit.models import record
from customers.models import Contact, Customer
from invoices.create import write
from invoices.models import Invoice, PaymentLink
from invoices.models.invoice import CENT, ZERO, LineValues
from payments.checkout import authorization_text, claim
from payments.models import CardConnectAccount, Payment
from sms.models import ReminderStep, TextMessage, TextRules, TwilioAccount
from sms.models.reminder import DEFAULTS
from sms.outbox.queue import queue_text
from sms.recipient import Recipient
from tenants.models import Membership, Tenant, User
from tenants.roles import Permission
from textpay.demo.accounts import Merchant, Sender
from textpay.demo.companies import Buyer, Company

PASSWORD = "textpay-practice"  # noqa: S105  printed at start; refused outside practice mode
# A role of the company's own: with the administrator, the two people that a large refund takes.
BOOKKEEPER = "Bookkeeper"
BOOKKEEPER_MAY = (
    *(Permission.VIEW_INVOICES, Permission.VIEW_CUSTOMERS, Permission.SEE_MONEY),
    *(Permission.RECORD_PAYMENTS, Permission.REFUND_PAYMENTS, Permission.RELEASE_REFUNDS),
)
NET_30 = dt.timedelta(days=30)
# After sending, before and after due, before the link ends: on the demo's first morning, one each.
REMINDER_DAYS = (3, 6, 9, 4)


def _new_retref() -> str:
    """A reference as CardConnect makes them, in every demo another: a gateway knows each once."""
    now = timezone.now()
    return f"{now.year % 10}{now:%j}{secrets.randbelow(10**8):08d}"


class Shop:
    """A practice company with its people, customers and books."""

    def __init__(self, company: Company, hashed: str = "") -> None:
        self.company = company
        self.random = random.Random(company.slug)  # noqa: S311  the same demo on every computer
        self._password = hashed or make_password(PASSWORD)
        self._jobs = 0
        self._customers: dict[str, Customer] = {}

    # --- Founding ---------------------------------------------------------------------------

    def found(self) -> None:
        """Create the company, its people and its customers."""
        c = self.company
        self.tenant = Tenant.objects.create(
            slug=c.slug,
            name=c.name,
            timezone=c.timezone,
            phone=c.phone,
            email=c.email,
            street=c.street,
            city=c.city,
            region=c.region,
            postal=c.postal,
            brand=c.brand,
            partial_payments=c.least is not None,
            **({"partial_minimum": c.least} if c.least else {}),
            created_at=timezone.now(),
        )
        roles = self.tenant.add_built_in_roles()
        if any(person.role == BOOKKEEPER for person in c.people):
            roles[BOOKKEEPER] = self.tenant.roles.create(
                name=BOOKKEEPER, permissions=sorted(BOOKKEEPER_MAY)
            )
        self.people: dict[str, User] = {}
        for person in c.people:
            user, _ = User.objects.get_or_create(
                email=person.email,
                defaults={
                    "first_name": person.first,
                    "last_name": person.last,
                    "password": self._password,
                },
            )
            Membership.objects.create(user=user, tenant=self.tenant, role=roles[person.role])
            self.people[person.role] = user
        self.clerk = self.people.get("Office", self.people["Administrator"])
        with scope(tenant=self.tenant):
            self._customers = {buyer.name: self._customer(buyer) for buyer in c.buyers}
        TextRules.objects.create(
            tenant=self.tenant, quiet_hours=not c.any_hour, looks_up_numbers=c.looks_up
        )

    def enable(self, merchant: Merchant, sender: Sender, support: User) -> None:
        """Support sets the processor and enables Text-to-Pay, as the company asked."""
        about: dict[str, Any] = {"tenant": self.tenant, "subject": self.tenant.audit_subject}
        record("tenant.text_to_pay_requested", actor=self.people["Administrator"], **about)
        account = CardConnectAccount(
            tenant=self.tenant,
            site=merchant.site,
            merchid=merchant.merchid,
            username=merchant.username,
            ach_enabled=True,
            checked_at=timezone.now(),
        )
        account.set_password(merchant.password)
        account.save()
        self.add_sender(sender)
        record("tenant.processor_changed", actor=support, processor="CardConnect", **about)
        record("tenant.text_to_pay_enabled", actor=support, **about)
        # These fields alone: the customers' numbers were counted on in the row meanwhile.
        changed = {
            "processor": Tenant.Processor.CARDCONNECT,
            "text_to_pay_requested_at": timezone.now(),
            "text_to_pay_enabled": True,
        }
        for name, value in changed.items():
            setattr(self.tenant, name, value)
        self.tenant.save(update_fields=list(changed))

    def remind(self) -> None:
        """The company has unpaid invoices texted again, by a schedule of its own."""
        TextRules.objects.filter(tenant=self.tenant).update(reminds=True)
        for proposal, days in zip(DEFAULTS, REMINDER_DAYS, strict=True):
            ReminderStep.objects.create(
                tenant=self.tenant,
                when=proposal.when,
                days=days,
                words_en=proposal.words["en"],
                words_es=proposal.words["es"],
            )
        record(
            "tenant.reminders_changed",
            tenant=self.tenant,
            subject=self.tenant.audit_subject,
            actor=self.people["Administrator"],
            step="Reminders turned on",
        )

    def add_sender(self, sender: Sender) -> None:
        """The number or messaging service that the company's texts come from."""
        twilio = TwilioAccount(
            tenant=self.tenant,
            account_sid=sender.account_sid,
            sender=sender.number,
            messaging_service_sid=sender.service,
            texts_per_second=self.company.texts_per_second,
            is_registered=True,
        )
        twilio.set_auth_token(sender.auth_token)
        twilio.save()

    def _customer(self, buyer: Buyer) -> Customer:
        customer = Customer(
            tenant=self.tenant,
            name=buyer.name,
            street=buyer.street,
            city=self.company.city,
            region=self.company.region,
            postal=buyer.postal,
        )
        customer.save_as(actor=self.people["Administrator"])
        mailbox = buyer.contact.removeprefix("Dr. ").split()[0].lower()
        domain = "".join(
            letter for letter in buyer.name.lower() if letter.isascii() and letter.isalpha()
        )
        Contact(
            tenant=self.tenant,
            customer=customer,
            name=buyer.contact,
            role=buyer.role,
            email=f"{mailbox}@{domain}.example",
            mobile=self._number(buyer, buyer.mobile),
            phone=self._number(buyer, buyer.other),
            language=buyer.language,
            is_billing=True,
        ).save_as(actor=self.people["Administrator"], created=True)
        return customer

    def _number(self, buyer: Buyer, ending: str) -> str:
        return f"+1{buyer.area or self.company.area}55501{ending}" if ending else ""

    # --- Time -------------------------------------------------------------------------------

    def at(self, days_ago: int, hour: int, minute: int = 0) -> dt.datetime:
        """An hour of the company's day, some days ago, with odd seconds as life has them."""
        zone = self.company.timezone
        today = dt.datetime.now(dt.UTC).astimezone(Tenant(timezone=zone).zone)
        day = today.date() - dt.timedelta(days=days_ago)
        second, micro = self.random.randrange(60), self.random.randrange(1_000_000)
        local = dt.datetime(day.year, day.month, day.day, hour, minute, second, micro, today.tzinfo)
        return local.astimezone(dt.UTC)

    # --- Verbs ------------------------------------------------------------------------------

    def bill(self, buyer: Buyer, *, draft: bool = False) -> Invoice:
        """Write an invoice for the next kind of work."""
        job = self.company.jobs[self._jobs % len(self.company.jobs)]
        self._jobs += 1
        today = timezone.now().astimezone(self.tenant.zone).date()
        lines = [
            LineValues(description=words, quantity=Decimal(quantity), unit_price=Decimal(price))
            for words, quantity, price in job.lines
        ]
        net = sum((Decimal(quantity) * Decimal(price) for _, quantity, price in job.lines), ZERO)
        tax = (net * self.company.tax_rate).quantize(CENT)
        return write(
            tenant=self.tenant,
            customer=self._customers[buyer.name],
            description=job.words,
            issued_on=today,
            due_on=today + NET_30,
            lines=lines,
            tax=tax,
            actor=self.clerk,
            opened=not draft,
        )

    def text(self, invoice: Invoice, *, actor: User | None = None) -> TextMessage:
        """**Send**: queue the text and hand it to Twilio."""
        contact = invoice.customer.billing_contact
        assert contact is not None  # noqa: S101  every practice customer has one
        last = TextMessage.objects.filter(invoice=invoice).order_by("-id").first()
        message, _ = queue_text(
            invoice,
            Recipient.of(invoice.customer, contact.mobile),
            actor=actor or self.clerk,
            key=uuid.uuid4(),
            seen=str(last.public_id) if last else "",
            confirmed=last is not None,
        )
        message.claim()
        return message

    def accepted(self, message: TextMessage) -> None:
        """Twilio took the text."""
        twilio = self.tenant.twilio
        sender = twilio.sender or twilio.messaging_service_sid
        message.mark_sent(f"SM{self.random.getrandbits(128):032x}", segments=1, sender=sender)

    def tap_pay(self, invoice: Invoice, token: str, part: Decimal | None = None) -> Payment:
        """The customer agrees and taps Pay, for all of it or a part.

        A token of a bank account begins with its number.
        """
        method = Payment.Method.CARD if authorization_text.brand_of(token) else Payment.Method.ACH
        kind = "" if method == Payment.Method.CARD else "ECHK"
        contact = invoice.customer.billing_contact
        name = contact.name if contact and kind else ""
        today = timezone.now().astimezone(self.tenant.zone).date()
        amount = part or invoice.balance
        text = authorization_text.sentence(invoice, method, amount, today, token=token, name=name)
        payment, _ = claim.start(
            PaymentLink.objects.live().get(invoice=invoice),
            method=method,
            amount=amount,
            seen=invoice.balance,
            key=uuid.uuid4(),
            token=token,
            account_type=kind,
            agreement=authorization_text.Agreement(
                text=text,
                version=authorization_text.VERSIONS[method],
                payer_name=name,
                ip="203.0.113.7",
                user_agent="Practice history",
            ),
        )
        payment.mark_sent()
        return payment

    def approved(self, payment: Payment) -> None:
        """The gateway took the money, or started to."""
        payment.confirm(
            retref=_new_retref(),
            authcode=f"PPS{self.random.randrange(1000):03}",
            respproc="FNOR",
            respcode="000",
            resptext="Approval",
        )

    def change_account(self, support: User) -> None:
        """Support ends bank payments; CardConnect adds a surcharge to credit cards from now on."""
        account = CardConnectAccount.objects.get(tenant=self.tenant)
        account.ach_enabled = False
        account.set_fee("S", "percent", Decimal(3))
        account.save()
        record(
            "tenant.credentials_changed",
            tenant=self.tenant,
            subject=self.tenant.audit_subject,
            actor=support,
            provider="CardConnect",
            fields=["ach_enabled", "adds_fee"],
        )
