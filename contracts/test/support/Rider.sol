// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {World} from "./World.sol";

/// @title A world with three people, one of whom rides
abstract contract Rider is World {
    address internal rider;

    function setUp() public {
        deployWorld();
        sealEmpty();
        enactLaw();
        registerMany(0, 3);
        rider = person(0);
    }

    function rideOn(uint256 day, uint256 slot) internal view returns (bytes memory) {
        return recordOf(rider, CYCLING, day, slot, 2, 1_000);
    }

    function wordOn(uint256 group, uint256 day) internal view returns (uint256) {
        uint256[] memory one = new uint256[](1);
        one[0] = (uint256(uint160(rider)) << 16) | (group << 8) | (day % 64);
        return views.words(one)[0];
    }
}
