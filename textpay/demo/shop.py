"""One practice company at work: what its people, customers and providers do, one verb each."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from decimal import Decimal

from django.contrib.auth.hashers import make_password
from django.utils import timezone
from django_scopes import scope

from audit.models import record
from audit.transitions import transition
from customers.models import Contact, Customer
from invoices.models import CENT, ZERO, Invoice, PaymentLink
from payments.models import Authorization, CardConnectAccount, Payment
from sms.models import TextMessage, TwilioAccount
from tenants.models import Membership, Tenant, User
from textpay.demo.accounts import Merchant, Sender
from textpay.demo.companies import Buyer, Company

PASSWORD = "textpay-practice"  # noqa: S105  printed at start; refused outside practice mode
NET_30 = dt.timedelta(days=30)


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
            created_at=timezone.now(),
        )
        roles = self.tenant.add_built_in_roles()
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

    def enable(self, merchant: Merchant, sender: Sender, support: User) -> None:
        """Support sets the processor and enables Text-to-Pay, as the company asked."""
        about = {"tenant": self.tenant, "subject": self.tenant.audit_subject}
        record("tenant.text_to_pay_requested", actor=self.people["Administrator"], **about)
        account = CardConnectAccount(
            tenant=self.tenant,
            site=merchant.site,
            merchid=merchant.merchid,
            username=merchant.username,
            ach_enabled=self.company.ach,
            checked_at=timezone.now(),
        )
        account.set_password(merchant.password)
        account.save()
        twilio = TwilioAccount(
            tenant=self.tenant,
            account_sid=sender.account_sid,
            sender=sender.number,
            messaging_service_sid=sender.service,
        )
        twilio.set_auth_token(sender.auth_token)
        twilio.save()
        record("tenant.processor_changed", actor=support, processor="CardConnect", **about)
        record("tenant.text_to_pay_enabled", actor=support, **about)
        self.tenant.processor = Tenant.Processor.CARDCONNECT
        self.tenant.text_to_pay_requested_at = timezone.now()
        self.tenant.text_to_pay_enabled = True
        self.tenant.save()

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
            mobile=self._number(buyer.mobile),
            phone=self._number(buyer.other),
            is_billing=True,
        ).save_as(actor=self.people["Administrator"], created=True)
        return customer

    def _number(self, ending: str) -> str:
        return f"+1{self.company.area}55501{ending}" if ending else ""

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
            {"description": words, "quantity": Decimal(quantity), "unit_price": Decimal(price)}
            for words, quantity, price in job.lines
        ]
        net = sum((Decimal(quantity) * Decimal(price) for _, quantity, price in job.lines), ZERO)
        tax = (net * self.company.tax_rate).quantize(CENT)
        papers = {
            "tenant": self.tenant,
            "customer": self._customers[buyer.name],
            "description": job.words,
            "issued_on": today,
            "due_on": today + NET_30,
        }
        if not draft:
            return Invoice.objects.write(lines=lines, tax=tax, actor=self.clerk, **papers)
        invoice = Invoice.objects.create(
            number=f"INV-{self.tenant.next_number('invoice')}", **papers
        )
        record(
            "invoice.created",
            tenant=self.tenant,
            subject=invoice.audit_subject,
            actor=self.clerk,
        )
        invoice.revise(lines=lines, tax=tax, actor=self.clerk)
        return invoice

    def text(self, invoice: Invoice, *, actor: User | None = None) -> TextMessage:
        """**Send**: queue the text and hand it to Twilio."""
        contact = invoice.customer.billing_contact
        assert contact is not None  # noqa: S101  every practice customer has one
        last = TextMessage.objects.filter(invoice=invoice).order_by("-id").first()
        message, _ = TextMessage.objects.queue(
            invoice,
            to=contact.mobile,
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

    def begin_payment(self, invoice: Invoice, method: str, brand: str, last4: str) -> Payment:
        """The customer agrees and taps Pay."""
        account = self.tenant.cardconnect
        link = PaymentLink.objects.live().get(invoice=invoice)
        contact = invoice.customer.billing_contact
        payment = Payment.objects.create(
            tenant=self.tenant,
            invoice=invoice,
            link=link,
            key=uuid.uuid4(),
            method=method,
            amount=invoice.balance,
            site=account.site,
            merchid=account.merchid,
            brand=brand,
            last4=last4,
            payer_name=contact.name if contact else "",
            created_at=timezone.now(),
            sent_at=timezone.now(),
        )
        self._agree(payment)
        record(
            "payment.pending",
            tenant=self.tenant,
            subject=invoice.audit_subject,
            actor_label="customer",
            amount=str(payment.amount),
            payment=str(payment.public_id),
        )
        return payment

    def _agree(self, payment: Payment) -> None:
        what = (
            f"charge ${payment.amount:,.2f} once to the {payment.brand} card"
            if payment.method == Payment.Method.CARD
            else f"make one electronic debit of ${payment.amount:,.2f} from my checking account"
        )
        Authorization.objects.create(
            tenant=self.tenant,
            payment=payment,
            text=f"I authorize {self.tenant.name} to {what} ending {payment.last4} "
            f"for invoice {payment.invoice.number}.",
            version="practice",
            amount=payment.amount,
            payer_name=payment.payer_name,
            agreed_at=timezone.now(),
            zone=self.tenant.timezone,
            ip="203.0.113.7",
            user_agent="Practice history",
        )

    def settle_payment(self, payment: Payment, to: str, words: str = "") -> None:
        """The gateway's answer."""
        good = to in Payment.BOOKED
        invoice = payment.invoice
        transition(
            payment,
            to,
            actor_label="customer",
            changes={
                "retref": f"{self.random.randrange(10**11, 10**12)}",
                "authcode": f"PPS{self.random.randrange(1000):03}" if good else "",
                "respproc": "FNOR",
                "respcode": "000" if good else "500",
                "resptext": "Approval" if good else "Decline",
                "reason": words,
                "resolved_at": timezone.now(),
            },
            amount=str(payment.amount),
            account=payment.account_label,
            payment=str(payment.public_id),
            **({"reason": words} if words else {}),
        )
        if good:
            invoice.apply_payment(payment)
