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
