"""The pages that show everything of an invoice or a customer: its texts, payments and links. On the
top floor, because no other one knows them all; forms, dialogs and verbs stay in their apps."""
