-- 账户的当前状态、区县、余额与欠额。
-- Accounts: state now, district, balances and debts.
--
-- account | 账户地址 | account
-- state | 状态：active 正常，frozen 冻结，closed 注销，replaced 更换 | state
-- district | 区县代码 | district
-- epoch | 限定年度，0 为终身 | the one year it may earn in, 0 = for life
-- registered_idx | 登记条目的序号 | index of its registration
-- registered_at | 登记时间，Unix 秒 | registered at, unix seconds
-- credits_mg | 减排量余额(各年度合计)，毫克 | reduction held, all vintages, mg
-- millipoints | 积分余额(各年度合计)，千分之一分 | points held, all vintages, thousandths
-- credits_debt_mg | 所欠减排量，毫克 | reduction owed, mg
-- millipoints_debt | 所欠积分，千分之一分 | points owed, thousandths
SELECT a.account, CASE a.state WHEN 1 THEN 'active' WHEN 2 THEN 'frozen' WHEN 3 THEN 'closed' ELSE 'replaced'
       END AS state, a.district, a.epoch, a.registered_idx, a.registered_at,
       CAST(coalesce(b.credits_mg, 0) AS BIGINT) AS credits_mg,
       CAST(coalesce(b.millipoints, 0) AS BIGINT) AS millipoints,
       coalesce(d.credits_mg, 0) AS credits_debt_mg, coalesce(d.millipoints, 0) AS millipoints_debt
FROM (
    SELECT account, arg_max(state, idx) AS state, arg_max(district, idx) AS district,
           arg_max(epoch, idx) AS epoch, min(idx) AS registered_idx, min(time) AS registered_at
    FROM base_account GROUP BY account
) a
LEFT JOIN (
    SELECT account, sum(credits_mg) AS credits_mg, sum(millipoints) AS millipoints FROM balances GROUP BY account
) b ON b.account = a.account
LEFT JOIN base_debt d ON d.account = a.account
