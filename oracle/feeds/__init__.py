"""The feeds: a TOML file each, those that come with the package, and what reads them."""
