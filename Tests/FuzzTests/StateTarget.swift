import SystemIO

@testable import OptimizerSessions
@testable import TensorFormats

/// A state file that somebody uploads, and the settings in its metadata.
enum StateTarget {
    static func check(_ input: [UInt8]) throws {
        guard let file = try? read(input) else { return }
        let state = try made(file)
        let written = try export(state)
        guard let again = try? read(written) else {
            throw Finding("not so: what is exported can be imported")
        }
        try requireEqual(
            try export(try made(again)), written, "and exported again it is the same bytes")
        try require(
            again.step == file.step && again.skipped == file.skipped
                && again.progress == file.progress && again.layout == file.layout
                && again.elementType == file.elementType,
            "nothing is lost on the way")
    }

    /// As an import reads it, with the limits of a service.
    static func read(_ bytes: [UInt8]) throws -> StateImport {
        guard bytes.count > 8 else { throw Finding("too short") }
        let length = bytes.number(at: 0, UInt64.self)
        guard length <= bytes.count - 8 else { throw Finding("cut off") }
        let data = 8 + Int(length)
        let text = Array(bytes[8..<data])
        let limits = StateFile.limits(for: FormatLimits())
        let header = try text.withUnsafeBufferPointer { text throws(SafetensorsFault) in
            try SafetensorsHeader.parse(UnsafeRawBufferPointer(text), limits: limits)
        }
        let slab = try Slab(byteCount: max(1, bytes.count - data))
        slab.bytes.copyBytes(from: bytes[data...])
        try checkPatch(header)
        return try StateImport(header: header, data: slab)
    }

    private static func made(_ file: StateImport) throws -> SessionState {
        let state = try SessionState(
            file.settings, layout: file.layout, elementType: file.elementType,
            budget: StateBudget(limitBytes: 64 << 20))
        try file.fill(state)
        return state
    }

    private static func export(_ state: SessionState) throws -> [UInt8] {
        let parts = try state.fileParts()
        let header = try parts.header()
        var bytes = header + [UInt8](repeating: 0, count: parts.dataBytes)
        bytes.withUnsafeMutableBytes {
            parts.copyData(
                of: state, to: UnsafeMutableRawBufferPointer(rebasing: $0[header.count...]))
        }
        return bytes
    }

    /// The same text as a client's patch: it is refused or understood.
    private static func checkPatch(_ header: SafetensorsHeader) throws {
        let text = Array((header.metadata(StateFile.Metadata.session) ?? "").utf8)
        let value = try? text.withUnsafeBufferPointer { text throws(JSONFault) in
            try JSONValue.parse(UnsafeRawBufferPointer(text))
        }
        guard case .object(let members)? = value else { return }
        _ = try? SettingsDocument.patch(from: members)
    }
}
