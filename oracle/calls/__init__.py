"""What a partner asks for, each the whole way: files taken in or only checked, rows judged again, the report."""
