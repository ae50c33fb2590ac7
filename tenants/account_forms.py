"""The sign-in and password forms of allauth. Their labels stand above the fields, so the same words
do not stand inside them as well.
"""

from typing import Any

from allauth.account import forms


class Labeled:
    """A form whose placeholders only repeat its labels."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class LoginForm(Labeled, forms.LoginForm):
    """Sign in."""


class ChangePasswordForm(Labeled, forms.ChangePasswordForm):
    """Choose a new password while signed in."""


class SetPasswordForm(Labeled, forms.SetPasswordForm):
    """Choose a first password."""


class ResetPasswordForm(Labeled, forms.ResetPasswordForm):
    """Ask for a link by email."""


class ResetPasswordKeyForm(Labeled, forms.ResetPasswordKeyForm):
    """Choose a new password by that link."""


class ReauthenticateForm(Labeled, forms.ReauthenticateForm):
    """Enter the password again."""
