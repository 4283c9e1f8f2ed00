-- 每一条减排记录：谁、何时、按哪个方法、多少，是否已被撤销。
-- Every reduction: whose, when, by which method, how much, and whether it was revoked.
--
-- idx | 日志序号 | index in the log
-- time | 记入时间，Unix 秒 | recorded at, unix seconds
-- feed | 数据源编号 | feed
-- sequence | 在数据源中的序号 | sequence in the feed
-- organisation | 记入时该数据源所属机构 | organisation of the feed when it was recorded
-- account | 账户地址(十六进制) | account, hex
-- district | 记入时账户所属区县代码 | district of the account when it was recorded
-- method | 方法编号 | method
-- exclusion_group | 互斥组 | exclusion group
-- day | 行为发生日(东八区) | day of the action, UTC+8
-- year | 年度 | vintage year
-- slot | 第一个时段(每段 8 分钟) | first slot of 8 minutes
-- slots | 时段数 | how many slots
-- activity | 活动量，单位见 methods | activity, in the method's unit
-- credits_mg | 减排量，毫克二氧化碳当量 | reduction, mg CO2e
-- millipoints | 积分，千分之一分 | points, thousandths
-- bonus_millipoints | 奖励积分，千分之一分 | bonus points, thousandths
-- nullifier | 凭证标识(十六进制)，可空 | nullifier, hex, or NULL
-- evidence | 原始记录承诺值(十六进制) | commitment to the raw record, hex
-- revoked | 是否已撤销 | revoked
SELECT r.idx, r.time, r.feed, r.sequence, f.organisation, r.account, a.district, r.method, m.exclusion_group,
       r.date AS day, r.year, r.slot, r.slots,
       r.activity, r.credits_mg, r.millipoints, r.bonus_millipoints, r.nullifier, r.evidence,
       v.target IS NOT NULL AS revoked
FROM dated_reduction r
ASOF LEFT JOIN base_feed f ON r.feed = f.feed AND r.idx >= f.idx
ASOF LEFT JOIN base_account a ON r.account = a.account AND r.idx >= a.idx
LEFT JOIN (
    SELECT method, any_value(exclusion_group) AS exclusion_group FROM base_method GROUP BY method
) m ON m.method = r.method
LEFT JOIN base_revocation v ON v.target = r.idx
