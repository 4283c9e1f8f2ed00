-- 撤销：撤销了哪一条，当时扣回多少，欠下多少。
-- Revocations: of which entry, what was burned at once, what was owed.
--
-- idx | 日志序号 | index in the log
-- time | 时间，Unix 秒 | revoked at, unix seconds
-- target | 被撤销条目的序号 | index of the revoked reduction
-- account | 账户地址 | account
-- method | 方法编号 | method
-- year | 年度 | vintage year
-- reason | 理由编号 | number of the reason
-- reason_hash | 理由文本的 SHA-256 | SHA-256 of the reason's text
-- release | 是否释放时段、额度与凭证 | slots, caps and nullifier are free again
-- credits_burned_mg | 当时扣回的减排量，毫克 | reduction burned at once, mg
-- millipoints_burned | 当时扣回的积分，千分之一分 | points burned at once, thousandths
-- credits_owed_mg | 当时欠下的减排量，毫克 | reduction owed then, mg
-- millipoints_owed | 当时欠下的积分，千分之一分 | points owed then, thousandths
SELECT v.idx, v.time, v.target, r.account, r.method,
       r.year, v.reason, v.reason_hash, v.release,
       v.credits_burned AS credits_burned_mg, v.millipoints_burned, v.credits_owed AS credits_owed_mg,
       v.millipoints_owed
FROM base_revocation v JOIN dated_reduction r ON r.idx = v.target
