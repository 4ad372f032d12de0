import Testing

@testable import TensorFormats

/// A seeded smoke of mutated inputs: nothing traps, and the readers agree with slow and obvious
/// ones and with themselves, however the input is cut.
@Suite struct FuzzTests {
    @Test func jsonIsAcceptedExactlyWhenTheReferenceAcceptsIt() {
        let found = firstDisagreement(seeds: Self.jsonSeeds, count: 4000, seed: 21) {
            fault($0, window: $1) == nil
        } oracle: {
            ReferenceJSON.parse($0) != nil
        }
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == nil)
    }

    @Test func documentsAreTheSameHoweverTheyAreCut() {
        var generator = SeededGenerator(seed: 22)
        for index in 0..<2500 {
            let bytes = mutated(Self.documentSeeds[index % 3], &generator)
            let whole = collect(bytes)
            let window = Int.random(in: 1...90, using: &generator)
            #expect(collect(bytes, window: window) == whole, "\(text(bytes)) by \(window)")
            if case .malformed? = whole.fault {
                #expect(ReferenceJSON.parse(bytes) == nil, "\(text(bytes))")
            } else if whole.fault == nil {
                #expect(ReferenceJSON.parse(bytes) != nil, "\(text(bytes))")
            }
        }
    }

    @Test func safetensorsAreAcceptedExactlyWhenTheReferenceAcceptsThem() throws {
        let seeds = try Self.safetensorsSeeds()
        let found = firstDisagreement(seeds: seeds, count: 4000, seed: 23) { bytes, window in
            readSafetensors(bytes, window: window).fault == nil
        } oracle: {
            ReferenceSafetensors.accepts($0)
        }
        #expect(found.map(text) == nil)
    }

    @Test func safetensorsAreTheSameHoweverTheyAreCut() throws {
        let seeds = try Self.safetensorsSeeds()
        var generator = SeededGenerator(seed: 24)
        for index in 0..<1500 {
            let bytes = mutated(seeds[index % seeds.count], &generator)
            let window = Int.random(in: 1...20, using: &generator)
            #expect(readSafetensors(bytes, window: window) == readSafetensors(bytes))
        }
    }

    /// The harness must find readers that are wrong in one small way each.
    @Test func canariesAreFound() throws {
        /// Accepts a comma in front of a bracket.
        let lenient = firstDisagreement(seeds: Self.jsonSeeds, count: 4000, seed: 21) {
            fault(Array(text($0).replacing(",]", with: "]").utf8), window: $1) == nil
        } oracle: {
            ReferenceJSON.parse($0) != nil
        }
        #expect(lenient != nil)

        /// Does not look at data behind its end.
        let careless = firstDisagreement(
            seeds: try Self.safetensorsSeeds(), count: 4000, seed: 23
        ) { bytes, window in
            let fault = readSafetensors(bytes, window: window).fault
            if case .trailingBytes? = fault?.reason { return true }
            return fault == nil
        } oracle: {
            ReferenceSafetensors.accepts($0)
        }
        #expect(careless != nil)
    }

    /// The first mutated input on which a reader and its oracle differ.
    private func firstDisagreement(
        seeds: [[UInt8]], count: Int, seed: UInt64, reader: ([UInt8], _ window: Int) -> Bool,
        oracle: ([UInt8]) -> Bool
    ) -> [UInt8]? {
        var generator = SeededGenerator(seed: seed)
        for index in 0..<count {
            let bytes = mutated(seeds[index % seeds.count], &generator)
            let window = Int.random(in: 1...100, using: &generator)
            if reader(bytes, window) != oracle(bytes) { return bytes }
        }
        return nil
    }

    /// Up to three small changes; every eighth input stays as it is.
    private func mutated(_ seed: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        guard Int.random(in: 0..<8, using: &generator) > 0 else { return bytes }
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes.remove(at: place)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: bytes[place] = Self.telling.randomElement(using: &generator) ?? 0
            case 3:
                bytes.insert(Self.telling.randomElement(using: &generator) ?? 0, at: place)
            case 4:
                let end = min(place + Int.random(in: 1...12, using: &generator), bytes.count)
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            default: bytes.removeLast(min(bytes.count, Int.random(in: 1...4, using: &generator)))
            }
        }
        return bytes
    }

    /// Bytes that mean something in the formats.
    private static let telling = Array("{}[]\",:\\0123456789.-+eEunt \t\n".utf8) + [0, 0x80, 0xED]

    private static let jsonSeeds: [[UInt8]] = [
        #"{"a":[1,-2.5e3,true,false,null],"b":{"c":"\u00e9\ud83d\ude00x"},"d":[]}"#,
        #"[[0.1,0.25,1e-7,123456789012345678901234567890],[{},{"x":0}],"é€😀"]"#,
        #" { "lr" : 0.001 , "betas" : [ 0.9 , 0.999 ] , "k" : "\"\\\/\b\f\n\r\t" } "#,
    ].map { Array($0.utf8) }

    private static let documentSeeds: [[UInt8]] = [
        #"{"parameters":{"w":[[1.5,2],[3e-2,-4]],"b":[0,1]},"optimizer":{"lr":0.1}}"#,
        #"{"parameters":{"w":{"data":[1,2.5],"dtype":"F64","shape":[1,2]},"s":1,"e":[]}}"#,
        "{\"x\":null,\"parameters\":{\"w\":["
            + (0..<40).map { "0.\($0 * 7919)" }.joined(separator: ", ") + "]}}",
    ].map { Array($0.utf8) }

    private static func safetensorsSeeds() throws -> [[UInt8]] {
        let lists: [[(String, DType, [Int])]] = [
            [("a", .F32, [2]), ("b", .F16, []), ("e", .F32, [0])],
            [("w", .U8, [3, 2])],
            [],
        ]
        return try lists.map { list in
            let tensors = try list.map {
                try TensorDescription(name: $0.0, dtype: $0.1, shape: $0.2)
            }
            let header = try SafetensorsWriter.header(tensors: tensors, metadata: [("k", "v")])
            return header + (0..<tensors.map(\.byteCount).reduce(0, +)).map { UInt8($0) }
        }
    }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

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
            !ranges.contains { $0.lowerBound < empty.lowerBound && empty.lowerBound < $0.upperBound }
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
        for member in members { values[String(decoding: member.name, as: UTF8.self)] = member.value }
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
