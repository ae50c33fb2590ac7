"""The outside world in a box: a CardPointe gateway, a Twilio account, a phone and a mailbox."""
