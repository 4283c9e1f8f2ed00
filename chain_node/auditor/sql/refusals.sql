-- 被账本拒绝的记录与理由。
-- Records that the ledger refused, and why.
--
-- idx | 日志序号 | index in the log
-- time | 时间，Unix 秒 | refused at, unix seconds
-- feed | 数据源编号 | feed
-- sequence | 在数据源中的序号 | sequence in the feed
-- rule | 规则编号 | number of the rule
-- label | 规则名称 | its name
-- reason_zh | 理由(中文) | reason, in Chinese
-- reason_en | 理由(英文) | reason, in English
SELECT r.idx, r.time, r.feed, r.sequence, r.rule, t.label, t.reason_zh, t.reason_en
FROM base_refusal r LEFT JOIN base_rule t ON t.rule = r.rule
