"""What an audit finds, one subject a file."""
