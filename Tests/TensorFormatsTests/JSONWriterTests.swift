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
        var generator = SeededGenerator(seed: 8)
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
