"""What is asked, as values: filters, pages, windows; and how what is found is shown."""
