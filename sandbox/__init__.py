"""The outside services, simulated: CardPointe gateway, Twilio account, phone and mailbox."""
