"""The auditor: follows any endpoint, replays every entry by itself, and says exactly where the chain differs.

    events      logs of the ledger → typed events, nothing believed
    judge       what each record of a batch must become by protocol section 8
    changes     what a new value of the law or of an account may be
    replica     own state and log; takes events, raises `Discrepancy` at the first difference
    chain       what is read of an endpoint: final blocks, logs, headers, roots, storage
    store       the auditor's own archive, its anchors in the chain, the first alarm
    compare     own state against the contracts' storage, sampled or whole
    checkpoints the operator's signed checkpoints against the own log
    diagnosis   a difference narrowed down to the entry in which two sources disagree
    comparisons state, checkpoints, older blocks, other endpoints, while nothing new is to be read
    follow      all of these, round after round
    alarm       what is raised: JSON line, command, metric
    sources, compiler, metadata     contracts rebuilt from source, compared with what is deployed
    tables, loading, balances, views, query, export   SQL over the replayed entries

Nothing here reads an operator's disk, and nothing trusts an endpoint.
"""
