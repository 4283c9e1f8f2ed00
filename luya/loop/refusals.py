"""Why a module refuses an act, in both languages, and what to do: by the name of the contract's error."""

from __future__ import annotations

from typing import Final

from chain_node.errors import RevertReason
from luya.errors import LoopRefused

REMEDIES: Final[dict[str, tuple[str, str]]] = {
    "AccessManagedUnauthorized": (
        "该密钥没有此操作的角色",
        "the key that sends does not hold the role: use the home of the role's holder, or have the role granted",
    ),
    "LuyaProjectsBadTerms": (
        "项目条款有误：编号、单价、目标、说明均不可为空，总额不得超出范围",
        "number, price, target and text are not 0, and price and settlement of the whole target are below 2^64",
    ),
    "LuyaProjectsBadPeriod": ("项目的截止时间有误", "a project closes after it opens, and not in the past"),
    "LuyaProjectsOrganisationNotActive": (
        "该机构未登记或已停用",
        "the organisation is unknown or disabled: have it registered first",
    ),
    "LuyaProjectsTermsChanged": (
        "项目条款不可更改，请以新编号另立项目",
        "a project's terms never change: open another project under another number",
    ),
    "LuyaProjectsBadState": (
        "项目状态只能由开放变为截止或终止，由截止变为终止",
        "a project goes from open to closed or abandoned, from closed to abandoned, and no way back",
    ),
    "LuyaProjectsNotOpen": (
        "项目现在不接受认捐",
        "the project takes no pledges now: see its state and times with `luya project show`",
    ),
    "LuyaProjectsBadUnits": ("数量须为 1 至 1000", "units are 1 to 1,000: split what is more"),
    "LuyaProjectsOverTarget": ("超过项目目标，所余数量不足", "fewer units are left of the target: pledge those"),
    "LuyaProjectsOverPrice": ("价格超过所允许的上限", "the units cost more than --max-points allows"),
    "HeldPartsTooFew": ("碳积分不足", "the account has fewer points than these units cost"),
    "LuyaProjectsPastDeadline": ("签名已过期，请重新签名", "the signature has expired: sign again"),
    "LuyaProjectsBadSignature": ("签名无效", "the signature is malformed: sign again"),
    "LuyaProjectsNoDeliveries": (
        "项目不存在或已终止，不能交付",
        "the project is unknown or abandoned: it takes no deliveries",
    ),
    "LuyaProjectsNotPledged": ("交付的单位尚未被认捐", "only units that are pledged can be delivered"),
    "LuyaProjectsUnitsTaken": (
        "其中有单位已在另一次交付中",
        "one of these units is in another delivery: see which are free with `luya project show`",
    ),
    "LuyaProjectsBadDay": ("日期不在允许的范围内", "the day lies outside its bounds: the error names them (in days)"),
    "LuyaProjectsBadPlace": ("地点坐标有误", "latitude is −90 to 90, longitude −180 to 180 degrees"),
    "LuyaProjectsNoEvidence": ("缺少证据或照片", "evidence and a photo are needed"),
    "LuyaProjectsNullifierUsed": (
        "这张照片已用于另一次交付或报告",
        "the photo was used for another delivery or report: take one of this",
    ),
    "LuyaProjectsNotAgent": (
        "签名者不是合适的代表：交付由项目机构的商户代表签名，验收与存活报告由其他机构的验收员签名",
        "a delivery is signed by a merchant's agent of the project's organisation, all about it afterwards by an "
        "acceptor's agent of another one: see --key",
    ),
    "LuyaProjectsBadDelivery": (
        "没有这次交付，或其状态不符",
        "it is no delivery, or not pending (to decide on it), or not accepted (to report on it)",
    ),
    "LuyaProjectsBadDecision": ("验收结果应为 0 或 1", "a delivery is accepted, 1, or refused, 0"),
    "LuyaProjectsReportNotDue": (
        "该交付没有此期的存活报告，或已报告过",
        "reports are due after 12 and 36 months, once each, where the project has them",
    ),
    "LuyaProjectsTooManySurvive": ("存活数超过交付数", "no more can live than were delivered"),
    "LuyaProjectsNothingToReturn": (
        "没有可退还的：项目未终止，或已全部交付、退还",
        "the project is not abandoned, or all units of this pledge are delivered, pending or returned",
    ),
    "LuyaProjectsOutOfGas": (
        "燃料不足，请减少一次提交的数量",
        "too little gas for so many: send fewer at a time",
    ),
    "LuyaRewardsBadTerms": ("商品条款有误", "a field of the item's terms is out of its bounds: the error names it"),
    "LuyaRewardsItemFixed": (
        "商品的商户与类别不可更改，请以新编号另立商品",
        "an item keeps its organisation and its kind: set another item under another number",
    ),
    "LuyaRewardsOrganisationNotActive": (
        "该机构未登记或已停用",
        "the organisation is unknown or disabled: have it registered first",
    ),
    "LuyaRewardsTooSoon": (
        "涨价、缩短时限或更换说明须提前一天公布：请设置 effective",
        "a higher price, shorter times or another text hold a day or more from now: say so with `effective`",
    ),
    "LuyaRewardsNotForSale": (
        "没有此商品，或尚未开售、已下架",
        "there is no such item, it has not begun or it is withdrawn: see `luya catalogue list`",
    ),
    "LuyaRewardsNotOpen": ("不在该商品的兑换时间内", "the item is not sold at this time: see `luya catalogue list`"),
    "LuyaRewardsTooDear": ("价格超过所允许的上限", "the units cost more than --max-points allows"),
    "LuyaRewardsOutOfStock": ("库存不足", "fewer units are left: order those"),
    "LuyaRewardsOverPersonLimit": ("超过每人限量", "the account may have fewer units of this item"),
    "LuyaRewardsOverDayLimit": ("超过当日限量", "fewer units are left for today: order those, or come tomorrow"),
    "LuyaRewardsPastDeadline": ("签名已过期，请再次运行", "the signature has expired: run the command again"),
    "LuyaRewardsNotAllowed": (
        "签名者无权操作此订单：核销与商户退款由该商户的代表签名，居民退款由账户的控制密钥签名",
        "a merchant's agent of the item's organisation signs a fulfilment and its refund, the key that controls the "
        "account signs its own: see --key",
    ),
    "LuyaRewardsNotTheOrder": ("没有此订单", "there is no such order on this ledger"),
    "LuyaRewardsWrongState": (
        "订单状态不符：已核销或已退还",
        "the order is fulfilled or refunded already, or not open any more",
    ),
    "LuyaRewardsNoQuantity": ("数量至少为 1", "an order is of one unit or more"),
    "LuyaRewardsNoCause": ("退款须写明原因", "say why it is refunded: --cause"),
    "LuyaRewardsOutOfGas": ("燃料不足，请减少一次提交的数量", "too little gas for so many: send fewer at a time"),
    "LuyaRewardsOrganisationActive": (
        "该机构仍有效，只有目录管理员可下架其商品",
        "the organisation is active: only the catalogue manager withdraws its items",
    ),
    "LuyaRewardsWrongCode": ("取货码不符", "the code is not this order's: ask the resident to show it again"),
    "LuyaRewardsTooLate": ("已过期限", "the time for this has passed: the error names it"),
    "LuyaRewardsTooEarly": ("尚未到期，商户仍可核销", "the order may still be fulfilled until then"),
    "LuyaRetirementBadBeneficiary": (
        "受益机构未登记或已停用",
        "the organisation that would benefit is unknown or disabled: see --beneficiary",
    ),
    "LuyaRetirementBadSerial": ("此间另有注销，请再次运行", "another retirement came first: run the command again"),
    "LuyaRetirementNotOrganiser": (
        "机构账户须由该机构在职的组织者签名，且账户未关闭",
        "an organisation's account acts by an active organiser of that organisation, while it is open: see --key",
    ),
    "LuyaRetirementWrongNonce": (
        "序号已变，请再次运行",
        "another act of this account came first: run the command again",
    ),
    "LuyaRetirementPastDeadline": ("签名已过期，请再次运行", "the signature has expired: run the command again"),
    "LuyaRetirementBadSignature": ("签名无效", "the signature is malformed: sign again"),
    "LuyaRetirementBadReason": ("用途应为 1 至 200 字节", "a reason has 1 to 200 bytes of UTF-8: shorten it"),
    "LuyaRetirementBadLines": ("一张证书至多 32 个年份", "a certificate has 1 to 32 vintages: retire fewer at a time"),
    "LuyaRetirementBadLine": ("明细有误", "vintages ascend, and each line retires something"),
    "LuyaLedgerTooLittle": ("账户中的数量不足", "there is less than that of this vintage"),
    "LuyaControllersOutOfScope": (
        "会话密钥不能做此操作",
        "a session key may not do this: sign with the key that controls the account, see --key",
    ),
    "LuyaControllersAccountNotActive": (
        "账户未登记、已冻结或已注销",
        "the account is not registered, frozen or closed",
    ),
    "LuyaControllersNotAllowed": (
        "签名者无权代表该账户",
        "the signer neither controls the account nor has a session key for this",
    ),
    "LuyaControllersWrongNonce": (
        "序号已变，请再次运行",
        "another act of this account came first: run the command again",
    ),
    "LuyaControllersNotModule": (
        "只有该类条目的合约可以使用签名序号",
        "only the module of this kind of entry may use a signature",
    ),
    "LuyaControllersBadSignature": ("签名无效", "the signature is malformed: sign again"),
    "LuyaControllersPastDeadline": ("签名已过期，请重新签名", "the signature has expired: sign again"),
    "LuyaControllersSessionExpired": (
        "会话密钥已过期或已撤销",
        "the session key has expired or was revoked: have the controller give another",
    ),
    "LuyaControllersOverLimit": (
        "超过会话密钥的每日限额",
        "the session key's limit for the day leaves less: wait for tomorrow, or sign with the controller's key",
    ),
    "LuyaControllersBadController": (
        "控制密钥或其类别有误",
        "every kind of controller but the custodial names a key, the custodial names none",
    ),
    "LuyaControllersBadEffective": (
        "生效时间不在允许的范围内",
        "the change takes effect too early or too late: the error names the bounds",
    ),
    "LuyaControllersNothingPending": ("没有待生效的更改", "the account has no change of controller to cancel"),
    "LuyaControllersBadSession": (
        "会话密钥、期限或权限有误",
        "a session key is not 0, expires in the future within bounds, and has a known scope",
    ),
    "LuyaControllersBadConsent": ("同意书的用途与版本不可为 0", "purpose and version of a consent are not 0"),
    "LuyaControllersBadCustodian": (
        "托管人地址为空，或没有托管人可停用",
        "a custodian's key is not 0, and only one that is there can be disabled",
    ),
    "LuyaAgentsBadAgent": (
        "代表的密钥、机构、角色或状态有误",
        "a key stays with its first organisation and role, and is not 0: take another key",
    ),
    "LuyaAgentsUnknownAgent": ("没有这名代表", "no such agent: see them with `luya agent list`"),
    "LuyaAgentsOrganisationNotActive": (
        "该机构未登记或已停用",
        "the organisation is unknown or disabled: register it first with `luya organisation set`",
    ),
    "LuyaAgentsBadOrganisationAccount": (
        "机构账户、机构、上级或状态有误",
        "account, organisation, parent and state are those the ledger can hold: the error names them",
    ),
    "LuyaAgentsResidentsAccount": (
        "这是居民账户，不能用作机构账户",
        "the account is a resident's: an organisation needs one of its own",
    ),
    "LuyaAgentsBadDistrict": (
        "区县编号、代码或状态有误",
        "number and national code of a district are those the ledger can hold: the error names them",
    ),
    "LuyaAgentsCodeTaken": ("该代码已属于另一区县", "another district has this national code"),
}
"""Error's name → (what it means, in Chinese; what to do, in English)."""


def refusal(reason: RevertReason) -> LoopRefused:
    """What to tell whoever sent the act."""
    zh, remedy = REMEDIES.get(reason.name, ("", ""))
    return LoopRefused(f"the ledger refuses it: {reason}" + (f": {remedy}" if remedy else ""), zh)
