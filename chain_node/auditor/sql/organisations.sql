-- 机构的当前登记。
-- Organisations as registered now.
--
-- organisation | 机构编号 | id
-- description | 公开说明的哈希 | hash of its published description
-- active | 是否有效 | active
-- idx | 最近条目的序号 | index of its newest entry
SELECT organisation, arg_max(description, idx) AS description, arg_max(state, idx) = 1 AS active,
       max(idx) AS idx
FROM base_organisation GROUP BY organisation
