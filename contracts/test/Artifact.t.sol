// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RegistryTest} from "./RegistryTest.sol";
import {vm} from "./Vm.sol";

/// @notice What is tested here is what is shipped: forge and py-solc-x make the same bytes.
contract ArtifactTest is RegistryTest {
    string private constant ARTIFACT = "../src/provenance/chain/artifacts/AnchorRegistry.json";

    function test_the_shipped_artifact_is_the_code_under_test() public view {
        string memory artifact = vm.readFile(ARTIFACT);
        vm.assertEq(_hash(vm.parseJsonBytes(artifact, ".bytecode")), _hash(vm.getCode(PINNED)), "creation code");
        vm.assertEq(
            _hash(vm.parseJsonBytes(artifact, ".deployedBytecode")), address(registry).codehash, "code on chain"
        );
    }

    function _hash(bytes memory code) private pure returns (bytes32) {
        return keccak256(code);
    }
}
