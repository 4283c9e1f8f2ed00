"""What a row shows: one pure module per behaviour family. Typed records in, verdicts out; no files, no clocks."""
