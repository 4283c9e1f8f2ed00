// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {World} from "./support/World.sol";

/// @title What the law refuses, and the entries it makes
contract LuyaLawTest is World {
    function setUp() public {
        deployWorld();
        sealEmpty();
    }

    // ------------------------------------------------------------------------------------------------ organisations

    function test_Organisation() public {
        vm.recordLogs();
        setOrganisation(3, keccak256("description"), 1);
        bytes memory entry = abi.encodePacked(
            uint8(0x41),
            uint64(block.timestamp),
            uint16(3),
            keccak256("description"),
            uint8(1)
        );
        assertEq(firstEntry(), entry, "entry");
        assertEq(entry.length, 44, "length");
        (bytes32 description, uint8 state) = law.organisation(3);
        assertEq(description, keccak256("description"), "description");
        assertEq(state, 1, "state");
        (, state) = law.organisation(4);
        assertEq(state, 0, "unknown");
    }

    function test_OrganisationRefuses() public {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawBadOrganisation.selector, 0, 1));
        law.setOrganisation(0, 0, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawBadOrganisation.selector, 1, 0));
        law.setOrganisation(1, 0, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawBadOrganisation.selector, 1, 3));
        law.setOrganisation(1, 0, 3, 0);
    }

    // -------------------------------------------------------------------------------------------------------- feeds

    function test_Feed() public {
        enactLaw();
        vm.recordLogs();
        ILuyaLaw.FeedSettings memory settings = feedSettings(FEED, 30);
        setFeed(settings);
        bytes memory signers = abi.encodePacked(settings.signers[0], settings.signers[1], settings.signers[2]);
        bytes memory entry = abi.encodePacked(
            uint8(0x42),
            uint64(block.timestamp),
            FEED,
            uint16(1),
            uint32(2),
            uint8(2),
            uint8(3),
            signers,
            uint16(30),
            settings.creditsCap,
            settings.millipointsCap
        );
        entry = abi.encodePacked(entry, STEPS, MEAL, PAYMENT, CYCLING, uint8(1));
        assertEq(firstEntry(), entry, "entry");
        (ILuyaLaw.FeedSettings memory found, uint32 version, uint8 state) = law.feed(FEED);
        assertEq(abi.encode(found), abi.encode(settings), "settings");
        assertEq(version, 2, "version");
        assertEq(state, 1, "state");
        (bytes memory terms, bool active) = law.feedTerms(FEED);
        assertEq(terms, entry, "terms");
        assertTrue(active, "active");
        (, , state) = law.feed(99);
        assertEq(state, 0, "unknown");
    }

    function test_FeedRefuses() public {
        enactLaw();
        ILuyaLaw.FeedSettings memory s = feedSettings(0, 63);
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawUnknownFeed.selector, 0));
        s = feedSettings(FEED, 64);
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadLateDays.selector, 64));
        s = feedSettings(FEED, 65_534);
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadLateDays.selector, 65_534));
        s = feedSettings(FEED, 63);
        s.organisation = 2;
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawOrganisationNotActive.selector, 2));
        setOrganisation(2, keccak256("two"), 1);
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawFeedKeepsOrganisation.selector, FEED, 1));
        s = feedSettings(FEED, 63);
        s.threshold = 1;
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadThreshold.selector, 1, 3));
        s.threshold = 4;
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadThreshold.selector, 4, 3));
        s.signers = new address[](0);
        s.threshold = 0;
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadThreshold.selector, 0, 0));
        setOrganisation(1, 0, 2);
        s = feedSettings(FEED, 63);
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawOrganisationNotActive.selector, 1));
    }

    function test_ThresholdIsMoreThanHalf() public {
        enactLaw();
        makeKeys(4);
        ILuyaLaw.FeedSettings memory s = feedSettings(FEED, 63);
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadThreshold.selector, 2, 4));
        s.threshold = 3;
        setFeed(s);
        makeKeys(1);
        s = feedSettings(FEED, 63);
        s.threshold = 1;
        setFeed(s);
    }

    function test_FeedRefusesSignersOutOfOrder() public {
        enactLaw();
        ILuyaLaw.FeedSettings memory s = feedSettings(FEED, 63);
        (s.signers[0], s.signers[1]) = (s.signers[1], s.signers[0]);
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadSigner.selector, 1, s.signers[1]));
        s.signers[1] = s.signers[0];
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadSigner.selector, 1, s.signers[1]));
        s.signers[0] = address(0);
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadSigner.selector, 0, address(0)));
        makeKeys(33);
        s = feedSettings(FEED, 63);
        s.threshold = 20;
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadSigner.selector, 32, s.signers[32]));
    }

    function test_FeedRefusesMethods() public {
        enactLaw();
        ILuyaLaw.FeedSettings memory s = feedSettings(FEED, 63);
        s.methods[3] = 999;
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadMethod.selector, 3, 999));
        s.methods[1] = s.methods[0];
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadMethod.selector, 1, STEPS));
        s.methods = new uint16[](0);
        _refusesFeed(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadMethod.selector, 0, 0));
    }

    function test_DisableFeed() public {
        enactLaw();
        law.disableFeed(FEED);
        (, uint32 version, uint8 state) = law.feed(FEED);
        assertEq(version, 1, "version");
        assertEq(state, 2, "state");
        (, bool active) = law.feedTerms(FEED);
        assertTrue(!active, "active");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawUnknownFeed.selector, 99));
        law.disableFeed(99);
        setFeed(feedSettings(FEED, 63));
        (, active) = law.feedTerms(FEED);
        assertTrue(active, "active again");
    }

    function test_LowerFeedCaps() public {
        enactLaw();
        ILuyaLaw.FeedSettings memory s = feedSettings(FEED, 63);
        vm.expectRevert(ILuyaLaw.LuyaLawCapsNotLower.selector);
        law.lowerFeedCaps(FEED, s.creditsCap + 1, 0);
        vm.expectRevert(ILuyaLaw.LuyaLawCapsNotLower.selector);
        law.lowerFeedCaps(FEED, 0, s.millipointsCap + 1);
        law.lowerFeedCaps(FEED, 5, 6);
        (s, , ) = law.feed(FEED);
        assertEq(s.creditsCap, 5, "credits");
        assertEq(s.millipointsCap, 6, "points");
    }

    function test_DisableSigner() public {
        enactLaw();
        address first = vm.addr(keys[0]);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawUnknownSigner.selector, FEED, person(0)));
        law.disableSigner(FEED, person(0));
        law.disableSigner(FEED, first);
        (ILuyaLaw.FeedSettings memory s, uint32 version, uint8 state) = law.feed(FEED);
        assertEq(s.signers.length, 2, "two are left");
        assertEq(s.signers[0], vm.addr(keys[1]), "the others");
        assertEq(version, 2, "version");
        assertEq(state, 1, "two can reach two");
        law.disableSigner(FEED, vm.addr(keys[1]));
        (s, version, state) = law.feed(FEED);
        assertEq(s.signers.length, 2, "one cannot: they stay");
        assertEq(version, 2, "version");
        assertEq(state, 2, "but the feed is disabled");
    }

    function test_DisableOrganisation() public {
        enactLaw();
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawOrganisationNotActive.selector, 2));
        law.disableOrganisation(2);
        vm.recordLogs();
        law.disableOrganisation(1);
        assertEq(
            firstEntry(),
            abi.encodePacked(uint8(0x41), uint64(block.timestamp), uint16(1), keccak256("organisation"), uint8(2)),
            "entry"
        );
        (, bool active) = law.feedTerms(FEED);
        assertTrue(!active, "its feeds");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawOrganisationNotActive.selector, 1));
        law.disableOrganisation(1);
    }

    /// @dev It counts settings, not only signer sets: an entry is told from the one before it.
    function test_VersionGrowsWithEachSetting() public {
        enactLaw();
        setFeed(feedSettings(FEED, 63));
        (, uint32 version, ) = law.feed(FEED);
        assertEq(version, 2, "the same settings again");
        law.lowerFeedCaps(FEED, 5, 6);
        law.disableFeed(FEED);
        (, version, ) = law.feed(FEED);
        assertEq(version, 2, "neither lower caps nor disabling");
    }

    // ----------------------------------------------------------------------------------------- what an act replaces

    function test_AnActNamesWhatItReplaces() public {
        bytes32 none = law.entryHash(0x42, FEED);
        assertEq(none, 0, "no entry yet");
        enactLaw();
        (bytes memory entry, ) = law.feedTerms(FEED);
        bytes32 current = law.entryHash(0x42, FEED);
        assertEq(current, keccak256(entry), "of the entry in force");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawReplacesAnother.selector, 0x42, FEED, current));
        law.setFeed(feedSettings(FEED, 63), none);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawReplacesAnother.selector, 0x42, 8, 0));
        law.setFeed(feedSettings(8, 63), current);
        bytes32 organisation = law.entryHash(0x41, 1);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawReplacesAnother.selector, 0x41, 1, organisation));
        law.setOrganisation(1, 0, 1, none);
        bytes32 caps = law.entryHash(0x44, 1);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawReplacesAnother.selector, 0x44, 1, caps));
        law.setGroupCaps(1, 1, 1, none);
        assertTrue(law.entryHash(0x43, STEPS) != 0, "a method has one too");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawWrongType.selector, 0x45));
        law.entryHash(0x45, 1);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawWrongType.selector, 0x44));
        law.entryHash(0x44, 257);
    }

    function test_AScheduledFeedDoesNotUndoTheBrake() public {
        enactLaw();
        bytes memory feed = abi.encodeCall(ILuyaLaw.setFeed, (feedSettings(FEED, 63), law.entryHash(0x42, FEED)));
        bytes memory other = abi.encodeCall(ILuyaLaw.setFeed, (feedSettings(TRIAL, 9), law.entryHash(0x42, TRIAL)));
        _brakeRevertsWhatWasScheduled(feed, abi.encodeCall(ILuyaLaw.disableSigner, (FEED, vm.addr(keys[0]))));
        _brakeRevertsWhatWasScheduled(other, abi.encodeCall(ILuyaLaw.lowerFeedCaps, (TRIAL, 5, 6)));
        feed = abi.encodeCall(ILuyaLaw.setFeed, (feedSettings(FEED, 62), law.entryHash(0x42, FEED)));
        _brakeRevertsWhatWasScheduled(feed, abi.encodeCall(ILuyaLaw.disableFeed, (FEED)));
    }

    function test_AScheduledOrganisationOrCapDoesNotUndoTheBrake() public {
        enactLaw();
        bytes memory caps = abi.encodeCall(ILuyaLaw.setGroupCaps, (1, 9, 9, law.entryHash(0x44, 1)));
        bytes memory active = abi.encodeCall(
            ILuyaLaw.setOrganisation,
            (1, keccak256("organisation"), 1, law.entryHash(0x41, 1))
        );
        _brakeRevertsWhatWasScheduled(caps, abi.encodeCall(ILuyaLaw.lowerGroupCaps, (1, 1, 1)));
        _brakeRevertsWhatWasScheduled(active, abi.encodeCall(ILuyaLaw.disableOrganisation, (1)));
    }

    /// @dev Without the brake the same act passes; with it, the act that was scheduled before it reverts.
    function _brakeRevertsWhatWasScheduled(bytes memory act, bytes memory brake) private {
        address holder = person(60);
        manager.grantRole(GOVERNANCE, holder, 2 days);
        manager.grantRole(FEED_ADMIN, holder, 2 days);
        vm.prank(holder);
        manager.schedule(address(law), act, 0);
        vm.warp(block.timestamp + 2 days);
        uint256 before = vm.snapshotState();
        vm.prank(holder);
        manager.execute(address(law), act);
        vm.revertToState(before);
        (bool done, ) = address(law).call(brake);
        assertTrue(done, "the brake");
        vm.expectPartialRevert(ILuyaLaw.LuyaLawReplacesAnother.selector);
        vm.prank(holder);
        manager.execute(address(law), act);
    }

    // --------------------------------------------------------------------------------------------------------- caps

    function test_GroupCaps() public {
        vm.recordLogs();
        setGroupCaps(1, (1 << 30) - 1, 5);
        assertEq(
            firstEntry(),
            abi.encodePacked(uint8(0x44), uint64(block.timestamp), uint8(1), uint64((1 << 30) - 1), uint64(5)),
            "entry"
        );
        (uint64 credits, uint64 millipoints) = law.groupCaps(1);
        assertEq(credits, (1 << 30) - 1, "credits");
        assertEq(millipoints, 5, "points");
        bytes32 current = law.entryHash(0x44, 1);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawBadCaps.selector, 0, 1, 1));
        law.setGroupCaps(0, 1, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawBadCaps.selector, 1, 1 << 30, 1));
        law.setGroupCaps(1, 1 << 30, 1, current);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawBadCaps.selector, 1, 1, 1 << 30));
        law.setGroupCaps(1, 1, 1 << 30, current);
        vm.expectRevert(ILuyaLaw.LuyaLawCapsNotLower.selector);
        law.lowerGroupCaps(1, 1 << 30, 5);
        vm.expectRevert(ILuyaLaw.LuyaLawCapsNotLower.selector);
        law.lowerGroupCaps(1, 1, 6);
        law.lowerGroupCaps(1, 1, 2);
        (credits, millipoints) = law.groupCaps(1);
        assertEq(credits, 1, "lowered");
        (credits, ) = law.groupCaps(2);
        assertEq(credits, 0, "unknown");
    }

    // -------------------------------------------------------------------------------------------------------- roles

    function test_EveryActHasARole() public {
        enactLaw();
        bytes[] memory calls = new bytes[](11);
        calls[0] = abi.encodeCall(ILuyaLaw.setOrganisation, (1, 0, 1, 0));
        calls[1] = abi.encodeCall(ILuyaLaw.setFeed, (feedSettings(FEED, 63), 0));
        calls[2] = abi.encodeCall(ILuyaLaw.disableFeed, (FEED));
        calls[3] = abi.encodeCall(ILuyaLaw.lowerFeedCaps, (FEED, 0, 0));
        calls[4] = abi.encodeCall(ILuyaLaw.disableSigner, (FEED, vm.addr(keys[0])));
        calls[5] = abi.encodeCall(ILuyaLaw.announceMethod, (methodSettings(77, 1, hex"00", 0)));
        calls[6] = abi.encodeCall(ILuyaLaw.endMethod, (STEPS, TODAY));
        calls[7] = abi.encodeCall(ILuyaLaw.setGroupCaps, (1, 1, 1, 0));
        calls[8] = abi.encodeCall(ILuyaLaw.lowerGroupCaps, (1, 1, 1));
        calls[9] = abi.encodeCall(ILuyaLaw.closeGenesis, ());
        calls[10] = abi.encodeCall(ILuyaLaw.disableOrganisation, (1));
        address stranger = person(99);
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(stranger);
            (bool success, bytes memory reason) = address(law).call(calls[i]);
            assertTrue(!success, "succeeded");
            assertEq(
                reason,
                abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger),
                "reason"
            );
        }
    }

    function test_ADelayedRoleMustWait() public {
        enactLaw();
        address governor = person(50);
        manager.grantRole(GOVERNANCE, governor, 2 days);
        bytes32 current = law.entryHash(0x44, 1);
        bytes memory act = abi.encodeCall(ILuyaLaw.setGroupCaps, (1, 1, 1, current));
        vm.prank(governor);
        (bool success, ) = address(law).call(act);
        assertTrue(!success, "at once");
        vm.prank(governor);
        manager.schedule(address(law), act, 0);
        vm.prank(governor);
        (success, ) = address(law).call(act);
        assertTrue(!success, "too soon");
        vm.warp(NOON + 2 days);
        vm.prank(governor);
        law.setGroupCaps(1, 1, 1, current);
        (uint64 credits, ) = law.groupCaps(1);
        assertEq(credits, 1, "after the delay");
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function _refusesFeed(ILuyaLaw.FeedSettings memory settings, bytes memory reason) private {
        bytes32 current = law.entryHash(0x42, settings.feed);
        vm.expectRevert(reason);
        law.setFeed(settings, current);
    }
}
