import OptimizerEngine
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

/// State files that are safetensors but no states.
@Suite struct DamagedStateTests {
    /// A state file taken apart: tensors with their bytes, and metadata.
    private struct Parts {
        var tensors: [(description: TensorDescription, bytes: [UInt8])]
        var metadata: [(name: String, value: String)]

        init() throws {
            let world = try World()
            var settings = SessionSettings()
            settings.groups = [
                GroupSettings(name: "g", params: ["b"], overrides: .init(amsgrad: true))
            ]
            let file = try world.session("s", .sample(settings)).state()
            let header = try SafetensorsHeader.parse(file: file)
            let data = Array(file[(file.count - header.dataByteCount)...])
            tensors = header.tensors.map { ($0.description, Array(data[$0.begin..<$0.end])) }
            metadata = header.metadata
        }

        func file() throws -> [UInt8] {
            try SafetensorsWriter.header(
                tensors: tensors.map(\.description), metadata: metadata)
                + tensors.flatMap(\.bytes)
        }

        mutating func remove(_ name: String) {
            tensors.removeAll { $0.description.name == name }
        }

        mutating func put(
            _ name: String, _ dtype: DType, _ shape: [Int], _ bytes: [UInt8]
        ) throws {
            remove(name)
            tensors.append((try TensorDescription(name: name, dtype: dtype, shape: shape), bytes))
        }

        mutating func set(_ name: String, _ value: String?) {
            metadata.removeAll { $0.name == name }
            if let value { metadata.append((name, value)) }
        }
    }

    private func refusal(_ change: (inout Parts) throws -> Void) throws -> SessionError? {
        var parts = try Parts()
        try change(&parts)
        let file = try parts.file()
        let world = try World()
        let error = #expect(throws: SessionError.self) { try world.importState(file, as: "s") }
        #expect(world.store.sessionCount == 0 && world.store.budget.inUseBytes == 0)
        return error
    }

    @Test func thePartsMakeAState() throws {
        let file = try Parts().file()
        let world = try World()
        #expect(try world.importState(file, as: "s").kind == .created)
        #expect(try world.store.session(named: "s").state() == file)
    }

    @Test(arguments: [
        "parameters/a", "exp_avg/a", "exp_avg_sq/b", "max_exp_avg_sq/b", "step/a",
    ])
    func missingTensors(_ name: String) throws {
        let error = try refusal { $0.remove(name) }
        // Without its parameters a tensor is unknown, and everything else about it is too many.
        let alone = ["parameters/a": SessionError.unknownTensor(name: "exp_avg/a")]
        #expect(error == alone[name] ?? .missingTensor(name: name))
    }

    @Test func nothingAtAll() throws {
        let error = try refusal { $0.tensors = [] }
        #expect(error == .missingTensor(name: "parameters/…"))
    }

    @Test func tensorsTooMany() throws {
        for name in ["max_exp_avg_sq/a", "exp_avg/c", "other", "parameters"] {
            let error = try refusal { try $0.put(name, .F32, [2], [UInt8](repeating: 0, count: 8)) }
            #expect(error == .unknownTensor(name: name))
        }
    }

    @Test func wrongTypesAndShapes() throws {
        let eight = [UInt8](repeating: 0, count: 8)
        #expect(
            try refusal { try $0.put("exp_avg/a", .F64, [2], eight + eight) }
                == .dtypeMismatch(tensor: "exp_avg/a", expected: "F32", actual: "F64"))
        #expect(
            try refusal { try $0.put("parameters/a", .F16, [4], eight) }
                == .dtypeMismatch(tensor: "parameters/a", expected: "F32", actual: "F16"))
        #expect(
            try refusal { try $0.put("exp_avg/a", .F32, [2, 1], eight) }
                == .shapeMismatch(tensor: "exp_avg/a", expected: "[2]", actual: "[2, 1]"))
        #expect(
            try refusal { try $0.put("step/a", .F32, [2], eight) }
                == .dtypeMismatch(tensor: "step/a", expected: "I64", actual: "F32"))
        #expect(
            try refusal { try $0.put("step/a", .I64, [1], eight) }
                == .shapeMismatch(tensor: "step/a", expected: "[]", actual: "[1]"))
    }

    @Test func valuesThatCannotBe() throws {
        let negative = bytes(of: 1, as: .f32) + bytes(of: -0.5, as: .f32)
        #expect(
            try refusal { try $0.put("exp_avg_sq/a", .F32, [2], negative) }
                == .invalidSettings(
                    SettingsFault(
                        .invalidValue, "/exp_avg_sq~1a",
                        "must have no negative number: it is made of squares or magnitudes")))
        for step in [-1, Int64.min, Int64(SlotProgress.maximumStep) + 1] {
            let error = try refusal {
                try $0.put("step/a", .I64, [], withUnsafeBytes(of: step) { Array($0) })
            }
            guard case .invalidSettings(let fault)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(fault.kind == .invalidValue && fault.pointer == "/step~1a")
        }
    }

    @Test func wrongMetadata() throws {
        let session = "{\"dtype\":\"F32\",\"param_groups\":[{\"name\":\"g\",\"params\":[\"b\"]"
        for (name, value, kind, pointer) in [
            ("format_version", nil, .missingMember, "/format_version"),
            ("format_version", "2", .invalidValue, "/format_version"),
            ("step", nil, .missingMember, "/step"), ("step", "-1", .invalidValue, "/step"),
            ("step", "", .invalidValue, "/step"), ("step", "1e3", .invalidValue, "/step"),
            ("step", "99999999999999999999", .invalidValue, "/step"),
            ("skipped", "+1", .invalidValue, "/skipped"),
            ("session", nil, .missingMember, "/session"),
            ("session", "{", .invalidValue, "/session"),
            ("session", "[]", .invalidValue, "/session"),
            ("session", "{}", .missingMember, "/session/dtype"),
            ("session", "{\"dtype\":\"I64\"}", .invalidValue, "/session/dtype"),
            ("session", "{\"dtype\":\"F32\",\"a/b\":1}", .unknownMember, "/session/a~1b"),
            ("session", "\(session),\"lr\":null}]}", .invalidValue, "/session/param_groups/0/lr"),
            ("other", "x", .unknownMember, "/other"),
        ] as [(String, String?, SettingsFault.Kind, String)] {
            let error = try refusal { $0.set(name, value) }
            guard case .invalidSettings(let fault)? = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
            #expect(fault.kind == kind && fault.pointer == "/__metadata__" + pointer)
        }
    }
}
