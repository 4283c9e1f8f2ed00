"""What servers of ours share: how requests may arrive."""
