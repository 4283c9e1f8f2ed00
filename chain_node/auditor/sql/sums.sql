-- records | 减排记录数 | reductions recorded
-- credits_mg | 记入的减排量，毫克二氧化碳当量 | reduction recorded, mg CO2e
-- millipoints | 记入的积分，千分之一分 | points recorded, thousandths
-- revoked_records | 其中被撤销的记录数 | of these, revoked
-- revoked_credits_mg | 被撤销记录的减排量，毫克 | reduction of the revoked, mg
-- revoked_millipoints | 被撤销记录的积分，千分之一分 | points of the revoked, thousandths
-- net_credits_mg | 未撤销的减排量，毫克 | reduction that stands, mg
-- net_millipoints | 未撤销的积分，千分之一分 | points that stand, thousandths
SELECT {by}, count(*) AS records,
       CAST(sum(credits_mg) AS BIGINT) AS credits_mg,
       CAST(sum(millipoints + bonus_millipoints) AS BIGINT) AS millipoints,
       count(*) FILTER (WHERE revoked) AS revoked_records,
       CAST(coalesce(sum(credits_mg) FILTER (WHERE revoked), 0) AS BIGINT) AS revoked_credits_mg,
       CAST(coalesce(sum(millipoints + bonus_millipoints) FILTER (WHERE revoked), 0) AS BIGINT) AS revoked_millipoints,
       CAST(coalesce(sum(credits_mg) FILTER (WHERE NOT revoked), 0) AS BIGINT) AS net_credits_mg,
       CAST(coalesce(sum(millipoints + bonus_millipoints) FILTER (WHERE NOT revoked), 0) AS BIGINT) AS net_millipoints
FROM reductions
GROUP BY ALL
ORDER BY ALL
