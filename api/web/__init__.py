"""What every feature shares: who asks (`access`), how often (`limits`), answers and caching (`answers`), problems
(`problems`), logs and metrics (`observe`), number and hex types (`types`), and what the process holds (`context`)."""
