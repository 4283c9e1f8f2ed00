// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ICouncil} from "../interfaces/ICouncil.sol";

/// @title The council
/// @dev An approval is kept as the serial of the membership that gave it. A membership that ended never comes back
/// under its serial, so its approvals are void without anybody going through the open proposals.
contract Council is ICouncil {
    uint256 private constant _MAX_MEMBERS = 64;
    uint256 private constant _MAX_CALLS = 16;
    uint256 private constant _MAX_OPEN = 16;
    uint32 private constant _MAX_DELAY = 30 days;
    uint32 private constant _MIN_LIFETIME = 1 hours;
    uint32 private constant _MAX_LIFETIME = 365 days;

    struct Membership {
        uint32 organisation;
        uint64 serial;
        uint32 place;
        bytes32 name;
    }

    struct Kept {
        address proposer;
        uint64 expiresAt;
        State state;
        uint64 proposedAt;
        uint64 enoughAt;
        uint32 delay;
        uint32 place;
        bytes calls;
        mapping(address member => uint64 serial) approvals;
    }

    // The first two are read by luyad (chain_node/luyad/layout.go): a member may always send to the council.
    address[] private _accounts;
    mapping(address account => Membership) private _memberships;
    mapping(uint32 organisation => address account) private _accountOf;
    uint64 private _lastSerial;
    uint64 private _changedAt;
    uint32 private _threshold;
    uint32 private _delay;
    uint32 private _lifetime;
    bytes32[] private _open;
    mapping(bytes32 id => Kept) private _proposals;
    mapping(address proposer => uint256 count) private _openOf;

    modifier onlyMember() {
        if (_memberships[msg.sender].organisation == 0) revert CouncilNotMember(msg.sender);
        _;
    }

    modifier onlyItself() {
        if (msg.sender != address(this)) revert CouncilNotItself(msg.sender);
        _;
    }

    /// @param members_ the founding organisations, at least one
    /// @param threshold_ approvals needed
    /// @param delay_ seconds that a proposal waits
    /// @param lifetime_ seconds that a proposal lives
    constructor(Member[] memory members_, uint32 threshold_, uint32 delay_, uint32 lifetime_) {
        for (uint256 i = 0; i < members_.length; ++i) {
            if (_accountOf[members_[i].organisation] != address(0)) {
                revert CouncilAccountTaken(_accountOf[members_[i].organisation], members_[i].organisation);
            }
            _setMember(members_[i].account, members_[i].organisation, members_[i].name);
        }
        _setThreshold(threshold_);
        _setTimes(delay_, lifetime_);
    }

    // ---------------------------------------------------------------------------------------------------- proposals

    /// @inheritdoc ICouncil
    function propose(Call[] calldata calls, bytes32 salt) external onlyMember returns (bytes32 id) {
        if (calls.length == 0 || calls.length > _MAX_CALLS) revert CouncilBadCalls(calls.length);
        if (_openOf[msg.sender] == _MAX_OPEN) revert CouncilTooManyOpen(msg.sender, _MAX_OPEN);
        id = idOf(calls, salt);
        Kept storage kept = _proposals[id];
        if (kept.state != State.Unknown) revert CouncilAlreadyProposed(id);
        _open.push(id);
        ++_openOf[msg.sender];
        kept.proposer = msg.sender;
        kept.expiresAt = uint64(block.timestamp) + _lifetime;
        kept.state = State.Open;
        kept.proposedAt = uint64(block.timestamp);
        kept.delay = _delay;
        kept.place = uint32(_open.length);
        kept.calls = abi.encode(calls);
        emit Proposed(id, msg.sender, calls, salt, kept.expiresAt);
        _approve(id, kept);
    }

    /// @inheritdoc ICouncil
    function approve(bytes32 id) external onlyMember {
        _approve(id, _living(id));
    }

    /// @inheritdoc ICouncil
    function revokeApproval(bytes32 id) external onlyMember {
        Kept storage kept = _living(id);
        if (!_approves(kept, msg.sender)) revert CouncilNotApproved(id, msg.sender);
        delete kept.approvals[msg.sender];
        emit ApprovalRevoked(id, msg.sender, _approvals(kept));
    }

    /// @inheritdoc ICouncil
    function execute(bytes32 id) external onlyMember {
        Kept storage kept = _living(id);
        uint256 approvals = _approvals(kept);
        if (approvals < _threshold) revert CouncilTooFewApprovals(id, approvals, _threshold);
        uint64 readyAt = _readyAt(kept);
        if (block.timestamp < readyAt) revert CouncilTooEarly(id, readyAt);
        _close(kept, State.Executed);
        emit Executed(id, msg.sender);
        Call[] memory calls = abi.decode(kept.calls, (Call[]));
        for (uint256 i = 0; i < calls.length; ++i) {
            // Refuses a target without code, and hands on the reason of a call that fails.
            Address.functionCall(calls[i].target, calls[i].data);
        }
    }

    /// @inheritdoc ICouncil
    function cancel(bytes32 id) external {
        Kept storage kept = _proposals[id];
        if (kept.state != State.Open) revert CouncilNotOpen(id, kept.state);
        bool member = _memberships[msg.sender].organisation != 0;
        // What enough members want is theirs: from then on its proposer can only take its own approval back.
        bool own = msg.sender == kept.proposer && _approvals(kept) < _threshold;
        bool may = member && (own || block.timestamp >= kept.expiresAt);
        if (!may && msg.sender != address(this)) revert CouncilMayNotCancel(id, msg.sender);
        _close(kept, State.Cancelled);
        emit Cancelled(id, msg.sender);
    }

    function _living(bytes32 id) private view returns (Kept storage kept) {
        kept = _proposals[id];
        if (kept.state != State.Open) revert CouncilNotOpen(id, kept.state);
        if (block.timestamp >= kept.expiresAt) revert CouncilExpired(id, kept.expiresAt);
    }

    function _approve(bytes32 id, Kept storage kept) private {
        if (_approves(kept, msg.sender)) revert CouncilAlreadyApproved(id, msg.sender);
        uint256 approvals = _approvals(kept) + 1;
        // Only the approval that makes them enough starts the delay: a further one cannot put it off.
        if (approvals == _threshold) kept.enoughAt = uint64(block.timestamp);
        kept.approvals[msg.sender] = _memberships[msg.sender].serial;
        emit Approved(id, msg.sender, approvals);
    }

    function _close(Kept storage kept, State state) private {
        bytes32 last = _open[_open.length - 1];
        _open[kept.place - 1] = last;
        _proposals[last].place = kept.place;
        _open.pop();
        --_openOf[kept.proposer];
        kept.place = 0;
        kept.state = state;
    }

    function _approves(Kept storage kept, address member) private view returns (bool) {
        uint64 serial = kept.approvals[member];
        return serial != 0 && serial == _memberships[member].serial;
    }

    function _approvals(Kept storage kept) private view returns (uint256 count) {
        for (uint256 i = 0; i < _accounts.length; ++i) if (_approves(kept, _accounts[i])) ++count;
    }

    function _readyAt(Kept storage kept) private view returns (uint64) {
        uint64 from = kept.enoughAt > _changedAt ? kept.enoughAt : _changedAt;
        return from + (kept.delay > _delay ? kept.delay : _delay);
    }

    // -------------------------------------------------------------------------------------------------- the council

    /// @inheritdoc ICouncil
    function setMember(address account, uint32 organisation, bytes32 name, uint32 threshold_) external onlyItself {
        uint256 before = _accounts.length;
        _setMember(account, organisation, name);
        _setThreshold(threshold_ == 0 ? _following(before) : threshold_);
    }

    /// @inheritdoc ICouncil
    function removeMember(uint32 organisation, uint32 threshold_) external onlyItself {
        address account = _accountOf[organisation];
        if (account == address(0)) revert CouncilUnknownOrganisation(organisation);
        uint256 before = _accounts.length;
        _removeAccount(account);
        delete _accountOf[organisation];
        emit MemberRemoved(organisation, account);
        _setThreshold(threshold_ == 0 ? _following(before) : threshold_);
    }

    /// @inheritdoc ICouncil
    function setThreshold(uint32 threshold_) external onlyItself {
        _setThreshold(threshold_);
    }

    /// @inheritdoc ICouncil
    function setTimes(uint32 delay, uint32 lifetime) external onlyItself {
        _setTimes(delay, lifetime);
    }

    function _setMember(address account, uint32 organisation, bytes32 name) private {
        if (account == address(0) || account == address(this) || organisation == 0 || name == bytes32(0)) {
            revert CouncilBadMember(account, organisation, name);
        }
        uint32 holder = _memberships[account].organisation;
        if (holder != 0 && holder != organisation) revert CouncilAccountTaken(account, holder);
        if (holder == organisation) {
            _memberships[account].name = name;
        } else {
            if (_accountOf[organisation] != address(0)) _removeAccount(_accountOf[organisation]);
            _accountOf[organisation] = account;
            _accounts.push(account);
            if (_accounts.length > _MAX_MEMBERS) revert CouncilTooManyMembers(_MAX_MEMBERS);
            _memberships[account] = Membership(organisation, ++_lastSerial, uint32(_accounts.length), name);
        }
        emit MemberSet(organisation, account, name);
    }

    function _removeAccount(address account) private {
        uint32 place = _memberships[account].place;
        address last = _accounts[_accounts.length - 1];
        _accounts[place - 1] = last;
        _memberships[last].place = place;
        _accounts.pop();
        delete _memberships[account];
    }

    /// @dev The threshold after a change of `before` members: two thirds, rounded up, where it was that or where the
    /// one that was chosen is none any more, else the chosen one.
    function _following(uint256 before) private view returns (uint32) {
        uint256 count = _accounts.length;
        bool chosen = _threshold != _twoThirds(before);
        if (chosen && uint256(_threshold) * 2 > count && _threshold <= count) return _threshold;
        return _twoThirds(count);
    }

    function _twoThirds(uint256 count) private pure returns (uint32) {
        return uint32((2 * count + 2) / 3);
    }

    function _setThreshold(uint32 threshold_) private {
        uint256 count = _accounts.length;
        if (uint256(threshold_) * 2 <= count || threshold_ > count) revert CouncilBadThreshold(threshold_, count);
        _threshold = threshold_;
        _changedAt = uint64(block.timestamp);
        emit ThresholdSet(threshold_);
    }

    function _setTimes(uint32 delay, uint32 lifetime) private {
        bool tooLong = delay > _MAX_DELAY || lifetime > _MAX_LIFETIME;
        if (tooLong || lifetime < delay + _MIN_LIFETIME) revert CouncilBadTimes(delay, lifetime);
        _delay = delay;
        _lifetime = lifetime;
        _changedAt = uint64(block.timestamp);
        emit TimesSet(delay, lifetime);
    }

    // -------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICouncil
    function members() external view returns (Member[] memory all) {
        all = new Member[](_accounts.length);
        for (uint256 i = 0; i < all.length; ++i) {
            Membership storage one = _memberships[_accounts[i]];
            all[i] = Member(_accounts[i], one.organisation, one.name);
        }
    }

    /// @inheritdoc ICouncil
    function organisationOf(address account) external view returns (uint32) {
        return _memberships[account].organisation;
    }

    /// @inheritdoc ICouncil
    function accountOf(uint32 organisation) external view returns (address) {
        return _accountOf[organisation];
    }

    /// @inheritdoc ICouncil
    function threshold() external view returns (uint32) {
        return _threshold;
    }

    /// @inheritdoc ICouncil
    function times() external view returns (uint32 delay, uint32 lifetime) {
        return (_delay, _lifetime);
    }

    /// @inheritdoc ICouncil
    function openProposals() external view returns (bytes32[] memory) {
        return _open;
    }

    /// @inheritdoc ICouncil
    function proposal(bytes32 id) external view returns (Proposal memory view_) {
        Kept storage kept = _proposals[id];
        if (kept.state == State.Unknown) return view_;
        uint256 count = _approvals(kept);
        view_.proposer = kept.proposer;
        view_.state = kept.state;
        view_.proposedAt = kept.proposedAt;
        view_.readyAt = count < _threshold ? 0 : _readyAt(kept);
        view_.expiresAt = kept.expiresAt;
        view_.approvals = new address[](count);
        for (uint256 i = 0; i < _accounts.length; ++i) {
            if (_approves(kept, _accounts[i])) view_.approvals[--count] = _accounts[i];
        }
        view_.calls = abi.decode(kept.calls, (Call[]));
    }

    /// @inheritdoc ICouncil
    function idOf(Call[] calldata calls, bytes32 salt) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), calls, salt));
    }
}
