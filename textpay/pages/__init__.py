"""The pages that show everything of an invoice or a customer: texts, payments and links. In the
top app, because no other one knows them all; forms, dialogs and verbs stay in their apps.
"""
