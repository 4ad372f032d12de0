@testable import TensorFormats

/// The slow, obvious judge of safetensors files: it counts for each byte of the data how many
/// tensors lie on it.
enum ReferenceSafetensors {
    static func accepts(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 10 else { return false }
        let prefix = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard prefix >= 2, prefix <= UInt64(bytes.count - 8) else { return false }
        let header = Array(bytes[8..<8 + Int(prefix)])
        guard header.first == UInt8(ascii: "{"),
            case .object(let members)? = ReferenceJSON.parse(header)
        else { return false }
        let data = bytes.count - 8 - Int(prefix)
        var ranges: [Range<Int>] = []
        for (name, value) in members {
            if name == Array("__metadata__".utf8) {
                guard isStrings(value) else { return false }
                continue
            }
            guard let range = range(name, value), range.upperBound <= data else { return false }
            ranges.append(range)
        }
        let covers = (0..<data).map { byte in ranges.filter { $0.contains(byte) }.count }
        guard covers.allSatisfy({ $0 == 1 }) else { return false }
        // A tensor without data must not stand inside another.
        return ranges.filter(\.isEmpty).allSatisfy { empty in
            let place = empty.lowerBound
            return !ranges.contains { $0.lowerBound < place && place < $0.upperBound }
        }
    }

    private static func isStrings(_ value: ReferenceJSON) -> Bool {
        guard case .object(let members) = value else { return false }
        return members.allSatisfy { if case .string = $0.value { true } else { false } }
    }

    private static func range(_ name: [UInt8], _ value: ReferenceJSON) -> Range<Int>? {
        let text = String(decoding: name, as: UTF8.self)
        guard !name.isEmpty, name.count <= 512,
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }),
            case .object(let members) = value, members.count == 3
        else { return nil }
        var values: [String: ReferenceJSON] = [:]
        for member in members {
            values[String(decoding: member.name, as: UTF8.self)] = member.value
        }
        guard case .string(let dtypeName)? = values["dtype"],
            let dtype = DType(rawValue: String(decoding: dtypeName, as: UTF8.self)),
            let shape = values["shape"].flatMap(counts), shape.count <= 32,
            let offsets = values["data_offsets"].flatMap(counts), offsets.count == 2,
            offsets[0] <= offsets[1],
            let tensor = try? TensorDescription(name: "x", dtype: dtype, shape: shape),
            tensor.byteCount == offsets[1] - offsets[0]
        else { return nil }
        return offsets[0]..<offsets[1]
    }

    private static func counts(_ value: ReferenceJSON) -> [Int]? {
        guard case .array(let elements) = value else { return nil }
        var counts: [Int] = []
        for element in elements {
            guard case .number(let text) = element, !text.contains("."), !text.contains("e"),
                let count = Int(text), count >= 0
            else { return nil }
            counts.append(count)
        }
        return counts
    }
}
