-- 日志的全部条目，及带来该条目的交易。
-- All entries of the log, with the transaction that brought each.
--
-- idx | 日志序号 | index in the log
-- kind | 类型 | type, in words
-- time | 区块时间，Unix 秒 | block time, unix seconds
-- block | 区块高度(本链) | block number on the chain of that time
-- transaction | 交易哈希 | transaction hash
SELECT e.idx, e.kind, e.time, c.block, c.transaction FROM (
    SELECT idx, 'reduction' AS kind, time FROM base_reduction
    UNION ALL SELECT idx, 'refusal', time FROM base_refusal
    UNION ALL SELECT idx, 'revocation', time FROM base_revocation
    UNION ALL SELECT idx, 'account', time FROM base_account
    UNION ALL SELECT idx, 'organisation', time FROM base_organisation
    UNION ALL SELECT idx, 'feed', time FROM base_feed
    UNION ALL SELECT idx, 'method', time FROM base_method
    UNION ALL SELECT idx, 'caps', time FROM base_caps
    UNION ALL SELECT idx, 'pause', time FROM base_pause
    UNION ALL SELECT idx, 'log key', time FROM base_log_key
    UNION ALL SELECT idx, kind, time FROM act_entry
) e ASOF LEFT JOIN base_call c ON e.idx >= c.first_idx
