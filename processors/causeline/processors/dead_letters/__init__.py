"""What was set aside: which of it may go again, and why."""
