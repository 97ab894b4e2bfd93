"""What people say of changes in problems: that one was the cause, that it was not, or that none was."""
