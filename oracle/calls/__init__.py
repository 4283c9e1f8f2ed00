"""What a partner asks for, each the whole way: files taken in, refused rows judged again, and the report of it."""
