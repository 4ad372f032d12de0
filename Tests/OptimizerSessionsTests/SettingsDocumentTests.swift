import OptimizerEngine
import TensorFormats
import Testing

@testable import OptimizerSessions

@Suite struct SettingsDocumentTests {
    private func members(_ text: String) throws -> [JSONMember] {
        let value = try Array(text.utf8).withUnsafeBytes { try JSONValue.parse($0) }
        guard case .object(let members) = value else { return [] }
        return members
    }

    @Test func whatIsMissingHasItsDefault() throws {
        #expect(try SettingsDocument.settings(from: []) == SessionSettings())
        let decoupled = try SettingsDocument.settings(
            from: members(#"{"optimizer": {"type": "adamw"}}"#))
        #expect(decoupled.defaults.type == .adamw && decoupled.defaults.weightDecay == 0.01)
    }

    @Test func everythingIsRead() throws {
        let settings = try SettingsDocument.settings(
            from: members(
                """
                {"optimizer": {"lr": 1, "betas": [0.5, 0.25], "eps": 2, "weight_decay": 3,
                               "amsgrad": true, "maximize": true, "type": "adamw"},
                 "param_groups": [{"name": "g", "params": ["x", "y"], "lr": 4}],
                 "max_grad_norm": 5, "nonfinite": "propagate"}
                """))
        #expect(
            settings
                == SessionSettings(
                    defaults: Hyperparameters(
                        .adamw, lr: 1, betas: (0.5, 0.25), eps: 2, weightDecay: 3, amsgrad: true,
                        maximize: true),
                    groups: [
                        GroupSettings(name: "g", params: ["x", "y"], overrides: .init(lr: 4))
                    ],
                    maxGradNorm: 5, nonfinite: .propagate))
    }

    @Test func aPatchTellsNullFromAbsent() throws {
        let nothing = try SettingsDocument.patch(from: [])
        #expect(nothing.policy.maxGradNorm == .inherited && nothing.policy.nonfinite == nil)
        #expect(nothing.groups.isEmpty)
        #expect(nothing.defaults == HyperparameterOverrides())
        let lifted = try SettingsDocument.patch(from: members(#"{"max_grad_norm": null}"#))
        #expect(lifted.policy.maxGradNorm == StepOptions.Clipping.none)
        let patch = try SettingsDocument.patch(
            from: members(
                """
                {"max_grad_norm": 2, "optimizer": {"eps": 1},
                 "param_groups": [{"name": "g", "amsgrad": false}]}
                """))
        #expect(patch.policy.maxGradNorm == .norm(2) && patch.defaults[.eps] == 1)
        #expect(patch.groups[0].name == "g" && patch.groups[0].overrides[.amsgrad] == false)
    }

    @Test(arguments: [
        (#"{"extra": 1}"#, SettingsFault.Kind.unknownMember, "/extra"),
        (#"{"optimizer": {"Lr": 1}}"#, .unknownMember, "/optimizer/Lr"),
        (#"{"optimizer": {"a/b~": 1}}"#, .unknownMember, "/optimizer/a~1b~0"),
        (#"{"optimizer": []}"#, .invalidValue, "/optimizer"),
        (#"{"optimizer": {"lr": "1"}}"#, .invalidValue, "/optimizer/lr"),
        (#"{"optimizer": {"lr": null}}"#, .invalidValue, "/optimizer/lr"),
        (#"{"optimizer": {"betas": [1]}}"#, .invalidValue, "/optimizer/betas"),
        (#"{"optimizer": {"betas": [1, "2"]}}"#, .invalidValue, "/optimizer/betas/1"),
        (#"{"optimizer": {"amsgrad": 1}}"#, .invalidValue, "/optimizer/amsgrad"),
        (#"{"optimizer": {"type": "sdg"}}"#, .invalidValue, "/optimizer/type"),
        (#"{"param_groups": {}}"#, .invalidValue, "/param_groups"),
        (#"{"param_groups": [1]}"#, .invalidValue, "/param_groups/0"),
        (#"{"param_groups": [{"params": []}]}"#, .missingMember, "/param_groups/0/name"),
        (#"{"param_groups": [{"name": "g"}]}"#, .missingMember, "/param_groups/0/params"),
        (
            #"{"param_groups": [{"name": "g", "params": ["a", 1]}]}"#, .invalidValue,
            "/param_groups/0/params/1"
        ),
        (#"{"max_grad_norm": "1"}"#, .invalidValue, "/max_grad_norm"),
        (#"{"nonfinite": "ignore"}"#, .invalidValue, "/nonfinite"),
        (#"{"nonfinite": null}"#, .invalidValue, "/nonfinite"),
    ])
    func faults(_ text: String, _ kind: SettingsFault.Kind, _ pointer: String) throws {
        let fault = #expect(throws: SettingsFault.self) {
            try SettingsDocument.settings(from: try members(text))
        }
        #expect(fault?.kind == kind && fault?.pointer == pointer)
    }

    @Test(arguments: [
        (#"{"optimizer": {"type": "adam"}}"#, "/optimizer/type"),
        (#"{"param_groups": [{"name": "g", "params": []}]}"#, "/param_groups/0/params"),
    ])
    func aPatchCannotChange(_ text: String, _ pointer: String) throws {
        let fault = #expect(throws: SettingsFault.self) {
            try SettingsDocument.patch(from: try members(text))
        }
        #expect(fault?.kind == .invalidHyperparameter && fault?.pointer == pointer)
    }
}
