"""The archive: every entry of the log on disk, outside the chain, in the tile layout of c2sp.org/tlog-tiles.

    checkpoint                  the newest signed checkpoint (a C2SP note)
    tile/entries/<N>[.p/<W>]    256 entries each: u16 length ‖ entry
    tile/<L>/<N>[.p/<W>]        256 hashes each: of the entries (L = 0), of full tiles below
    calls, calls.idx            by which transaction each entry came, with a batch's signatures; rows to find it
    calls.sum                   SHA-256 of each line of `calls`
    domains                     the deployments that the log has lived in, each line with its own SHA-256
    journal                     what was appended since the tiles were last fsynced

Only the journal is fsynced at an append; tiles and calls are derived from it after a crash. `writer` is for the
follower alone, `reader` for any number of processes beside it.
"""
