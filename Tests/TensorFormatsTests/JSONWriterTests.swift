import SeededChance
import Testing

@testable import TensorFormats

@Suite struct JSONWriterTests {
    @Test func structureAndEscapes() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("a\"\\\u{1}\u{1F}\n\r\t\u{E9}")
        writer.string("x")
        writer.name("n")
        writer.beginArray()
        writer.number(1.5)
        writer.number(Float(0.1))
        writer.integer(-3)
        writer.bool(true)
        writer.bool(false)
        writer.null()
        writer.beginObject()
        writer.endObject()
        writer.endArray()
        writer.name("f")
        writer.number(Double.nan)
        writer.name("i")
        writer.number(-Float.infinity)
        writer.endObject()
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(
            text == #"{"a\"\\\u0001\u001f\n\r\t"# + "\u{E9}"
                + #"":"x","n":[1.5,0.1,-3,true,false,null,{}],"f":"NaN","i":"-Infinity"}"#)
        #expect(fault(text) == nil)
    }

    @Test(arguments: [
        [], [1], [7], [3, 5], [1, 1, 1, 1, 9], [2, 3, 4, 2], [4, 1, 3], [0], [4, 0, 2],
        [2] + [Int](repeating: 1, count: 16), [3] + [Int](repeating: 2, count: 3) + [1],
    ])
    func partsOfATensorAreOneText(shape: [Int]) throws {
        let count = shape.reduce(1, *)
        let values = (0..<max(count, 1)).map { Float($0) / 8 }
        try values.withUnsafeBytes { bytes in
            let base = try #require(bytes.baseAddress)
            var whole = JSONWriter()
            whole.tensor(base: base, dtype: .F32, shape: shape)
            for size in 1...(count + 1) {
                var text: [UInt8] = []
                for start in stride(from: 0, to: max(count, 1), by: size) {
                    var part = JSONWriter()
                    part.tensor(
                        base: base, dtype: .F32, shape: shape,
                        elements: start..<min(start + size, count))
                    text += part.bytes
                }
                #expect(text == whole.bytes, "\(size) at a time")
            }
        }
    }

    @Test(arguments: [
        [], [1], [7], [3, 5], [1, 1, 1, 1, 9], [2, 3, 4, 2], [0], [4, 0, 2],
        [Int](repeating: 1, count: 16), [Int](repeating: 1, count: 20),
        [2, 2] + [Int](repeating: 1, count: 14), [3] + [Int](repeating: 1, count: 31),
    ])
    func textIsNeverLongerThanItsBound(shape: [Int]) throws {
        let count = shape.reduce(1, *)
        let floats: [Float] = [-1.2345679e20, -9.8765433e-7, -1.1754944e-38, -.infinity]
        let doubles = [
            -1.2345678901234567e20, -1.2345678901234567e-6, -2.2250738585072014e-308, -.infinity,
        ]
        for value in floats {
            try expectBound(.F32, shape, [Float](repeating: value, count: count))
        }
        for value in doubles {
            try expectBound(.F64, shape, [Double](repeating: value, count: count))
        }
    }

    private func expectBound<Value>(
        _ dtype: DType, _ shape: [Int], _ values: [Value]
    ) throws {
        let name = String(repeating: "\"", count: 9)
        let description = try TensorDescription(name: name, dtype: dtype, shape: shape)
        var writer = JSONWriter()
        writer.beginObject()
        try values.withUnsafeBytes { bytes in
            for _ in 0..<2 {
                writer.name(name)
                writer.tensor(base: try #require(bytes.baseAddress), dtype: dtype, shape: shape)
            }
        }
        let bound =
            description.jsonFrameBytes + description.elementCount * JSONBound.number(dtype)
        #expect(writer.bytes.count <= 1 + 2 * bound)
        #expect(try TensorLayout([description]).jsonFrameBytes == description.jsonFrameBytes)
    }

    /// The longest number of each kind, with its comma.
    @Test func numbersAreNoLongerThanTheirBound() {
        var generator = SplitMix(seed: 11)
        for _ in 0..<20_000 {
            let float = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
            let double = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &generator))
            var writer = JSONWriter()
            writer.number(float)
            #expect(writer.bytes.count < JSONBound.number(.F32))
            writer = JSONWriter()
            writer.number(double)
            #expect(writer.bytes.count < JSONBound.number(.F64))
        }
        #expect(Decimal.shortest(-1.2345678901234567e-6).utf8.count == JSONBound.number(.F64) - 1)
    }

    @Test func tensorsAreNested() {
        let values = (0..<24).map { Float($0) / 2 }
        #expect(tensor(values, .F32, []) == "0")
        #expect(tensor(values, .F32, [3]) == "[0,0.5,1]")
        #expect(tensor(values, .F32, [2, 2]) == "[[0,0.5],[1,1.5]]")
        #expect(tensor(values, .F32, [2, 1, 2]) == "[[[0,0.5]],[[1,1.5]]]")
        #expect(
            tensor(values, .F32, [2, 2, 3]) == "[[[0,0.5,1],[1.5,2,2.5]],[[3,3.5,4],[4.5,5,5.5]]]")
        #expect(tensor(values, .F32, [1, 1, 1, 1]) == "[[[[0]]]]")
    }

    @Test func tensorsWithoutElementsOrOfHighRankAreObjects() {
        let values: [Float] = [7]
        #expect(tensor(values, .F32, [0]) == #"{"dtype":"F32","shape":[0],"data":[]}"#)
        #expect(tensor(values, .F64, [2, 0, 3]) == #"{"dtype":"F64","shape":[2,0,3],"data":[]}"#)
        let ones = [Int](repeating: 1, count: 16)
        #expect(tensor(values, .F32, ones).hasPrefix("[[[[[[[[[[[[[[[[7]"))
        let shape = Array(repeating: "1", count: 17).joined(separator: ",")
        #expect(
            tensor(values, .F32, ones + [1])
                == #"{"dtype":"F32","shape":[\#(shape)],"data":[7]}"#)
    }

    @Test func everyTypeIsWidenedExactly() {
        let halves: [UInt16] = [0x3C00, 0xC000, 0x0001, 0x7BFF, 0x8000, 0x7C00, 0x7E00, 0x2E66]
        #expect(
            tensor(halves, .F16, [8])
                == #"[1,-2,5.9604645e-8,65504,-0.0,"Infinity","NaN",0.099975586]"#)
        let brains: [UInt16] = [0x3F80, 0x3DCD, 0x0001, 0xFF80, 0x8000]
        #expect(tensor(brains, .BF16, [5]) == #"[1,0.100097656,9.1835e-41,"-Infinity",-0.0]"#)
        let doubles = [0.1, .nan, -1e300]
        #expect(tensor(doubles, .F64, [3]) == #"[0.1,"NaN",-1e300]"#)
    }

    @Test func tensorsFollowCommasOfTheirSurroundings() {
        var writer = JSONWriter()
        writer.beginArray()
        [Float(1), 2].withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            writer.tensor(base: base, dtype: .F32, shape: [2])
            writer.tensor(base: base, dtype: .F32, shape: [])
            writer.tensor(base: base, dtype: .F32, shape: [0])
        }
        writer.number(3.0)
        writer.endArray()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"[[1,2],1,{"dtype":"F32","shape":[0],"data":[]},3]"#)
    }

    /// Longer than the scratch that rows are made in, and at odd addresses.
    @Test func longRowsReadBackBitByBit() throws {
        var generator = SplitMix(seed: 8)
        let floats = (0..<3000).map { _ in
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
            return value.isFinite ? value : -0.0
        }
        let shape = [3, 1000]
        let text = "{\"gradients\":{\"w\":\(tensor(floats, .F32, shape))}}"
        let result = readKnown(text, try layout([("w", shape)]))
        #expect(result.tensors.first?.bits == floats.map { UInt64($0.bitPattern) })

        let doubles = floats.map { Double($0) * 1.1 }
        let wide = "{\"gradients\":{\"w\":\(tensor(doubles, .F64, shape))}}"
        let read = readKnown(wide, try layout([("w", shape)]), working: .F64)
        #expect(read.tensors.first?.bits == doubles.map(\.bitPattern))
    }

    private func tensor<Value>(_ values: [Value], _ dtype: DType, _ shape: [Int]) -> String {
        var writer = JSONWriter()
        values.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(byteCount: bytes.count + 1, alignment: 8) { memory in
                let shifted = UnsafeMutableRawBufferPointer(rebasing: memory[1...])
                shifted.copyMemory(from: bytes)
                guard let base = shifted.baseAddress else { return }
                writer.tensor(base: base, dtype: dtype, shape: shape)
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
