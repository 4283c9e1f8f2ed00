-- 数据源的当前设置：签名者、门限、期限、每日上限、可用方法。
-- Feeds as set now: signers, threshold, lateness, daily caps, methods.
--
-- feed | 数据源编号 | id
-- organisation | 所属机构 | organisation
-- version | 签名者版本 | version of the signer set
-- threshold | 签名门限 | signatures needed
-- signers | 签名者地址，空格分隔 | signers, separated by spaces
-- late_days | 允许迟报天数，65535 为试点 | days of lateness, 65535 = trial
-- credits_cap_mg | 每日减排量上限，毫克 | reduction a day, mg
-- millipoints_cap | 每日积分上限，千分之一分 | points a day, thousandths
-- methods | 可用方法编号，空格分隔 | methods, separated by spaces
-- active | 是否有效 | active
-- idx | 最近条目的序号 | index of its newest entry
SELECT feed, organisation, version, threshold, signers, late_days, credits_cap AS credits_cap_mg,
       millipoints_cap, methods, state = 1 AS active, idx
FROM base_feed QUALIFY row_number() OVER (PARTITION BY feed ORDER BY idx DESC) = 1
