-- 各年度：业务条目（兑换、认捐、注销等）所动用的各个去处现有多少；来源一栏为已发出的合计。欠额的年度为 0。
-- By vintage: what lies in each bucket that acts alone move (redeemed, pledged, retired …); of a source, what it gave. Debts: year 0.
--
-- year | 年度，0 为欠额 | vintage year, 0 of debts
-- bucket | 去处 | bucket
-- credits_mg | 减排量，毫克 | reduction, mg
-- millipoints | 积分，千分之一分 | points, thousandths
SELECT year, bucket, CAST(sum(CASE unit WHEN 0 THEN amount ELSE 0 END) AS BIGINT) AS credits_mg,
       CAST(sum(CASE unit WHEN 1 THEN amount ELSE 0 END) AS BIGINT) AS millipoints
FROM (
    SELECT year, target AS bucket, unit, CAST(amount AS HUGEINT) AS amount FROM base_posting
    UNION ALL
    SELECT year, origin, unit,
           CASE WHEN origin IN ('carried_in', 'recognised', 'prize') THEN CAST(amount AS HUGEINT) ELSE -CAST(amount AS HUGEINT) END
    FROM base_posting
) WHERE bucket NOT IN ('held', 'revoked', 'owed')
GROUP BY 1, 2
ORDER BY 1, 2
