-- 账户按年度的余额；与链上 ERC-1155 余额一致。
-- Balances by account and vintage: what the chain's ERC-1155 shows.
--
-- account | 账户地址 | account
-- year | 年度 | vintage year
-- credits_mg | 减排量余额，毫克 | reduction held, mg
-- millipoints | 积分余额，千分之一分 | points held, thousandths
SELECT m.account, m.year, CAST(m.credits_mg - coalesce(b.credits_mg, 0) AS BIGINT) AS credits_mg,
       CAST(m.millipoints - coalesce(b.millipoints, 0) AS BIGINT) AS millipoints
FROM (
    SELECT account, year, sum(credits_mg) AS credits_mg,
           sum(millipoints + bonus_millipoints) AS millipoints
    FROM dated_reduction GROUP BY 1, 2
) m LEFT JOIN base_burn b ON b.account = m.account AND b.year = m.year
