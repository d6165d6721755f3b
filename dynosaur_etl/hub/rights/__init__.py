"""What a card's text says of the rights to use the data: restrictions, and licences by name."""
