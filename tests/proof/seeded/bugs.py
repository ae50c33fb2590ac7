"""Known-bad variants of the product: each is a mistake somebody makes. Tests must notice every one.

They live here and are put in place from outside; `bin/bench seeded-bugs` switches on one by one.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.proof.seeded import charges, money_back, people, texts

# How to plant it, and the test that ought to notice.
NOTICED_BY: dict[str, list[tuple[Callable[[], None], str]]] = {
    "tests/payments/checkout/test_faults.py": [
        (charges.retry_with_a_new_orderid, "a_call_that_never_took_effect_ends_without_a_charge"),
        (
            charges.trusting_an_early_not_found,
            "a_call_that_never_took_effect_ends_without_a_charge",
        ),
        (charges.no_sweep, "a_charge_whose_answer_was_lost_is_found_and_booked"),
        (charges.ignoring_respstat_b, "a_processor_that_timed_out_is_unknown_until_it_is_certain"),
        (charges.partial_approval_taken_as_full, "the_other_amount_is_given_back_and_never_booked"),
        (
            charges.an_error_means_nothing_happened,
            "a_charge_whose_answer_was_lost_is_found_and_booked",
        ),
        (charges.a_late_no_undoes_a_booking, "a_late_no_does_not_undo_what_was_booked"),
        (
            charges.unconfirmed_void_is_believed,
            "an_other_amount_that_cannot_be_given_back_waits_for_a_person",
        ),
    ],
    "tests/payments/checkout/test_races.py": [
        (charges.no_invoice_lock, "a_payer_waits_for_whoever_changes_the_invoice"),
        (charges.second_tab_allowed, "fifty_payers_at_once_are_one_charge"),
        (charges.a_new_key_for_every_submit, "a_double_click_is_one_charge_and_one_page"),
    ],
    "tests/payments/refunding/test_refunds.py": [
        (
            money_back.refund_sent_again_after_a_timeout,
            "a_lost_answer_is_asked_about_and_never_sent_again",
        ),
    ],
    "tests/payments/refunding/test_two_people.py": [
        (money_back.one_person_gives_back_any_amount, "above_the_limit_two_people_are_needed"),
        (
            money_back.each_refund_has_a_limit_of_its_own,
            "parts_that_are_above_the_limit_together_need_two_people",
        ),
    ],
    "tests/payments/settlement/test_settlement.py": [
        (
            money_back.bank_payment_cleared_once_settled,
            "a_bank_payment_clears_after_its_days_and_not_before",
        ),
        (
            money_back.a_late_look_clears_again,
            "what_was_refunded_while_the_gateway_was_asked_stays_refunded",
        ),
    ],
    "tests/invoices/test_money.py": [
        (charges.increment_instead_of_recompute, "telling_it_twice_books_once"),
    ],
    "tests/sms/outbox/test_delivery.py": [
        (
            texts.a_text_sent_again_after_a_timeout,
            "an_answer_lost_after_twilio_took_it_sends_no_second_text",
        ),
        (
            texts.a_late_look_gives_back_another_claim,
            "a_look_that_hears_late_does_not_send_what_was_claimed_anew",
        ),
        (texts.a_text_about_an_invoice_that_was_paid, "what_happened_before_it_went_out_stops_it"),
    ],
    "tests/sms/outbox/test_races.py": [
        (texts.two_workers_send_the_same_text, "twenty_workers_send_one_text"),
    ],
    "tests/sms/models/test_text.py": [
        (texts.callbacks_regress_a_delivered_text, "an_end_is_an_end"),
    ],
    "tests/people/test_versions.py": [
        (people.no_version_check, "an_overtaken_form_saves_nothing"),
    ],
    "tests/people/test_form_keys.py": [
        (people.form_key_ignored, "the_same_form_again_shows_what_the_first_made"),
    ],
    "tests/people/test_kept_forms.py": [
        (people.kept_form_for_anybody, "another_person_does_not_see_it"),
    ],
    "tests/tenants/test_people.py": [
        (
            people.role_above_ones_own_changed,
            "nobody_changes_a_person_or_role_that_may_do_more",
        ),
    ],
    "tests/tenants/test_addresses.py": [
        (people.any_company_by_its_short_name, "a_strangers_company_looks_like_none"),
    ],
    "tests/proof/test_known_bad.py": [
        (charges.float_money, "every_cent_is_charged"),
        (charges.expiry_by_the_app_s_clock, "a_server_whose_clock_is_wrong_pays_no_dead_link"),
        (charges.inquiring_beyond_the_mid, "another_merchant_s_charge_is_not_ours"),
        (
            money_back.refund_before_settled_reported_as_done,
            "a_refund_that_the_gateway_refuses_is_not_done",
        ),
        (money_back.return_applied_twice, "a_return_told_twice_leaves_other_payments_alone"),
        (charges.one_bad_row_stops_the_sweep, "one_attempt_that_cannot_be_settled_holds_up_nobody"),
    ],
}
BUGS = {plant.__name__: plant for rows in NOTICED_BY.values() for plant, _ in rows}
TESTS = {
    plant.__name__: f"{path}::test_{test}"
    for path, rows in NOTICED_BY.items()
    for plant, test in rows
}
