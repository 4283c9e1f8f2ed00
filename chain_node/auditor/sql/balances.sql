-- 账户按年度的余额；与链上 ERC-1155 余额一致。
-- Balances by account and vintage: what the chain's ERC-1155 shows.
--
-- account | 账户地址 | account
-- year | 年度 | vintage year
-- credits_mg | 减排量余额，毫克 | reduction held, mg
-- millipoints | 积分余额，千分之一分 | points held, thousandths
SELECT account, year, CAST(sum(credits_mg) AS BIGINT) AS credits_mg,
       CAST(sum(millipoints + bonus_millipoints) AS BIGINT) AS millipoints
FROM dated_reduction WHERE account NOT IN (SELECT account FROM base_held) GROUP BY 1, 2
UNION ALL SELECT account, year, credits_mg, millipoints FROM base_held
