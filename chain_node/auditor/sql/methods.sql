-- 方法学版本：系数、上限、有效期；名称与单位取自随软件发布且哈希相符的文本。
-- Methodology versions: fractions, bounds, validity; names and units are of the shipped text with that hash.
--
-- method | 方法编号 | id
-- behaviour | 行为(首个版本编号) | behaviour: id of its first version
-- exclusion_group | 互斥组 | exclusion group
-- key | 名称键 | key
-- name_zh | 中文名称 | name, in Chinese
-- name_en | 英文名称 | name, in English
-- unit_zh | 单位(中文) | unit of activity, in Chinese
-- unit_en | 单位(英文) | unit of activity, in English
-- source | 出处 | source
-- credit_num | 减排系数分子 | reduction: numerator
-- credit_den | 减排系数分母 | reduction: denominator
-- point_num | 积分系数分子 | points: numerator
-- point_den | 积分系数分母 | points: denominator
-- max_activity | 单条活动量上限 | greatest activity of a record
-- max_per_slot | 每时段活动量上限，0 为无 | greatest activity a slot, 0 = none
-- windows | 时段规则 | windows: free, none, or first+count
-- valid_from | 生效日 | first valid day
-- valid_to | 截止日，空为无期限 | last valid day, NULL = open
-- nullifier | 是否需要凭证标识 | needs a nullifier
-- evidence_class | 证据类别：0 计量，1 凭证，2 自报 | evidence: 0 measured, 1 documented, 2 self-declared
-- text | 公布文本的哈希 | hash of the published text
-- idx | 最近条目的序号 | index of its newest entry
SELECT m.method, m.behaviour, m.exclusion_group, t.key, t.name_zh, t.name_en, t.unit_zh, t.unit_en, t.source,
       m.credit_num, m.credit_den, m.point_num, m.point_den, m.max_activity, m.max_per_slot, m.windows,
       CAST(DATE '1970-01-01' + CAST(m.valid_from AS INTEGER) AS DATE) AS valid_from,
       CASE WHEN m.valid_to < 65535 THEN CAST(DATE '1970-01-01' + CAST(m.valid_to AS INTEGER) AS DATE) END AS valid_to,
       m.nullifier, m.evidence_class, m.text, m.idx
FROM (
    SELECT * FROM base_method QUALIFY row_number() OVER (PARTITION BY method ORDER BY idx DESC) = 1
) m LEFT JOIN base_text t ON t.text = m.text
