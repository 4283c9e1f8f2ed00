-- 各年度：记入、扣回与在户。在户 = balances 之和 = 记入 − 扣回，再计入 buckets 各项。
-- By vintage: minted, burned and held. held = the sum of `balances` = minted − burned, and what `buckets` says.
--
-- year | 年度 | vintage year
-- records | 减排记录数 | reductions recorded
-- credits_minted_mg | 记入的减排量，毫克 | reduction minted, mg
-- millipoints_minted | 记入的积分，千分之一分 | points minted, thousandths
-- credits_burned_mg | 因撤销与欠额扣回的减排量，毫克 | reduction burned by revocations and debts, mg
-- millipoints_burned | 因撤销与欠额扣回的积分，千分之一分 | points burned by revocations and debts, thousandths
-- credits_held_mg | 在户减排量，毫克 | reduction held, mg
-- millipoints_held | 在户积分，千分之一分 | points held, thousandths
SELECT year, coalesce(m.records, 0) AS records, coalesce(m.credits_mg, 0) AS credits_minted_mg,
       coalesce(m.millipoints, 0) AS millipoints_minted,
       CAST(coalesce(b.credits_mg, 0) AS BIGINT) AS credits_burned_mg,
       CAST(coalesce(b.millipoints, 0) AS BIGINT) AS millipoints_burned,
       CAST(h.credits_mg AS BIGINT) AS credits_held_mg,
       CAST(h.millipoints AS BIGINT) AS millipoints_held
FROM (
    SELECT year, count(*) AS records,
           CAST(sum(credits_mg) AS BIGINT) AS credits_mg,
           CAST(sum(millipoints + bonus_millipoints) AS BIGINT) AS millipoints
    FROM dated_reduction GROUP BY 1
) m RIGHT JOIN (
    SELECT year, sum(credits_mg) AS credits_mg, sum(millipoints) AS millipoints FROM balances GROUP BY year
) h USING (year) LEFT JOIN (
    SELECT year, sum(credits_mg) AS credits_mg, sum(millipoints) AS millipoints FROM base_burn GROUP BY year
) b USING (year)
ORDER BY year
