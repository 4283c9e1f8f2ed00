// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title The council: member organisations that act together, k of n
/// @notice A member proposes calls; once k members approve and the delay has passed, a member has them executed, all or
/// none, with the council as their sender. Proposals do not touch each other: any number is open at once, and each
/// lives until it is executed, cancelled or expired. The council governs itself the same way, and nobody else does.
interface ICouncil {
    /// @notice A member organisation.
    /// @param account the address that acts for it
    /// @param organisation its number, not 0
    /// @param name its name, UTF-8, padded with zeros on the right
    struct Member {
        address account;
        uint32 organisation;
        bytes32 name;
    }

    /// @notice One call of a proposal.
    /// @param target a contract
    /// @param data what it is called with
    struct Call {
        address target;
        bytes data;
    }

    /// @notice What became of a proposal. An expired one stays Open here; its `expiresAt` tells.
    enum State {
        Unknown,
        Open,
        Executed,
        Cancelled
    }

    /// @notice A proposal as it stands.
    /// @param proposer who made it
    /// @param state what became of it
    /// @param proposedAt seconds since 1970
    /// @param readyAt when it may be executed, were nothing to change; 0 while approvals are missing
    /// @param expiresAt from then on it can be neither approved nor executed
    /// @param approvals the present members who approve
    /// @param calls what it does
    struct Proposal {
        address proposer;
        State state;
        uint64 proposedAt;
        uint64 readyAt;
        uint64 expiresAt;
        address[] approvals;
        Call[] calls;
    }

    /// @notice A proposal was made; its proposer approves it.
    event Proposed(bytes32 indexed id, address indexed proposer, Call[] calls, bytes32 salt, uint64 expiresAt);
    /// @notice A member approved; so many present members do now.
    event Approved(bytes32 indexed id, address indexed member, uint256 approvals);
    /// @notice A member took its approval back; so many remain.
    event ApprovalRevoked(bytes32 indexed id, address indexed member, uint256 approvals);
    /// @notice The calls of a proposal were made.
    event Executed(bytes32 indexed id, address indexed member);
    /// @notice A proposal was cancelled by its proposer, by the council, or after it had expired.
    event Cancelled(bytes32 indexed id, address indexed by);
    /// @notice An organisation joined, or acts through another address or under another name now.
    event MemberSet(uint32 indexed organisation, address indexed account, bytes32 name);
    /// @notice An organisation left.
    event MemberRemoved(uint32 indexed organisation, address indexed account);
    /// @notice So many approvals are needed now.
    event ThresholdSet(uint32 threshold);
    /// @notice Proposals wait and live so many seconds now.
    event TimesSet(uint32 delay, uint32 lifetime);

    /// @notice Only a member may do this.
    error CouncilNotMember(address caller);
    /// @notice Only the council itself may do this: propose it.
    error CouncilNotItself(address caller);
    /// @notice Address, number and name of a member are not zero.
    error CouncilBadMember(address account, uint32 organisation, bytes32 name);
    /// @notice The address already acts for an organisation.
    error CouncilAccountTaken(address account, uint32 organisation);
    /// @notice No such organisation.
    error CouncilUnknownOrganisation(uint32 organisation);
    /// @notice More members than the limit.
    error CouncilTooManyMembers(uint256 limit);
    /// @notice The threshold is more than half of the members and at most all of them; there is at least one member.
    error CouncilBadThreshold(uint32 threshold, uint256 members);
    /// @notice The delay is at most 30 days; the lifetime at most 365 days and at least an hour more than the delay.
    error CouncilBadTimes(uint32 delay, uint32 lifetime);
    /// @notice A proposal has 1 … 16 calls.
    error CouncilBadCalls(uint256 calls);
    /// @notice The same calls with the same salt were proposed before.
    error CouncilAlreadyProposed(bytes32 id);
    /// @notice The member has too many open proposals: cancel some.
    error CouncilTooManyOpen(address member, uint256 limit);
    /// @notice The proposal is not open.
    error CouncilNotOpen(bytes32 id, State state);
    /// @notice The proposal has expired: propose it again.
    error CouncilExpired(bytes32 id, uint64 expiresAt);
    /// @notice The member approves already.
    error CouncilAlreadyApproved(bytes32 id, address member);
    /// @notice The member does not approve.
    error CouncilNotApproved(bytes32 id, address member);
    /// @notice Approvals of present members are missing.
    error CouncilTooFewApprovals(bytes32 id, uint256 approvals, uint256 threshold);
    /// @notice The delay has not passed.
    error CouncilTooEarly(bytes32 id, uint64 readyAt);
    /// @notice The caller may not cancel this proposal.
    error CouncilMayNotCancel(bytes32 id, address caller);

    /// @notice Proposes calls and approves them.
    /// @param calls 1 … 16, executed in this order, all or none
    /// @param salt tells equal proposals apart
    /// @return id its id, which no other proposal ever has
    function propose(Call[] calldata calls, bytes32 salt) external returns (bytes32 id);

    /// @notice Approves an open proposal.
    function approve(bytes32 id) external;

    /// @notice Takes the caller's approval back.
    function revokeApproval(bytes32 id) external;

    /// @notice Makes the calls of a proposal that enough present members approve and whose delay has passed. The delay
    /// runs from the approval that made them enough, or from the council's own last change where that is later.
    function execute(bytes32 id) external;

    /// @notice Ends an open proposal: by its proposer while it is a member and approvals are missing, by the council,
    /// or by any member once it has expired.
    function cancel(bytes32 id) external;

    /// @notice Adds an organisation, or gives one another address or name. Approvals that it gave through another
    /// address do not count any more. Only by the council itself.
    /// @param threshold approvals needed from now on; 0 for as many as follow from the present ones when it is
    /// executed: two thirds of the members, rounded up, or what the council has chosen where that is still right
    function setMember(address account, uint32 organisation, bytes32 name, uint32 threshold) external;

    /// @notice Removes an organisation; its approvals do not count any more, even if it comes back. Only by the
    /// council itself.
    /// @param threshold approvals needed from now on; 0 as for `setMember`
    function removeMember(uint32 organisation, uint32 threshold) external;

    /// @notice Sets the approvals needed. Only by the council itself.
    function setThreshold(uint32 threshold) external;

    /// @notice Sets the seconds that a proposal waits and those that it lives. A proposal made before keeps its end,
    /// and waits the longer of both delays. Only by the council itself.
    function setTimes(uint32 delay, uint32 lifetime) external;

    /// @notice All members.
    function members() external view returns (Member[] memory);

    /// @notice The organisation that an address acts for, 0 if none.
    function organisationOf(address account) external view returns (uint32);

    /// @notice The address that acts for an organisation, 0 if none.
    function accountOf(uint32 organisation) external view returns (address);

    /// @notice Approvals needed.
    function threshold() external view returns (uint32);

    /// @notice Seconds that a proposal waits after its last needed approval, and that it lives after it was made.
    function times() external view returns (uint32 delay, uint32 lifetime);

    /// @notice Ids of the open proposals, expired ones that nobody cancelled included, in no order.
    function openProposals() external view returns (bytes32[] memory);

    /// @notice A proposal as it stands.
    function proposal(bytes32 id) external view returns (Proposal memory);

    /// @notice The id that a proposal would have.
    function idOf(Call[] calldata calls, bytes32 salt) external view returns (bytes32);
}
