"""`/v1/subscriptions`: bodies to subscriptions, how they are shown, and what is done once they are parsed."""
