import OptimizerEngine
import SeededChance
import Testing

/// Conversions against bit arithmetic and the compiler's Float16, at every CPU level.
struct ConversionTests {
    private func convert<In: BitwiseCopyable, Out: BitwiseCopyable>(
        _ kernels: Kernels, _ values: [In], _ from: ElementType, _ to: ElementType,
        as out: Out.Type
    ) -> [Out] {
        let source = TestMemory(values)
        let result = TestMemory(values.count * to.byteCount)
        kernels.convert(source.base, from, to: result.base, to, count: values.count)
        #expect(result.isIntact)
        return result.read(as: out)
    }

    private let all16 = (0...UInt16.max).map { $0 }

    @Test(arguments: Kernels.available) func everyF16Widens(_ kernels: Kernels) {
        let wide = convert(kernels, all16, .f16, .f32, as: Float.self)
        let wider = convert(kernels, all16, .f16, .f64, as: Double.self)
        var wrong = 0
        for (bits, (a, b)) in zip(all16, zip(wide, wider)) {
            let expected = Float(Float16(bitPattern: bits))
            if expected.isNaN {
                wrong += a.isNaN && b.isNaN ? 0 : 1
            } else if a.bitPattern != expected.bitPattern || b != Double(expected) {
                wrong += 1
            }
        }
        #expect(wrong == 0)
        let back = convert(kernels, wide, .f32, .f16, as: UInt16.self)
        let backFromF64 = convert(kernels, wider, .f64, .f16, as: UInt16.self)
        #expect(differences(all16, back) { Float16(bitPattern: $0).isNaN } == 0)
        #expect(differences(all16, backFromF64) { Float16(bitPattern: $0).isNaN } == 0)
    }

    @Test(arguments: Kernels.available) func everyBF16Widens(_ kernels: Kernels) {
        let wide = convert(kernels, all16, .bf16, .f32, as: UInt32.self)
        #expect(zip(all16, wide).allSatisfy { UInt32($0) << 16 == $1 })
        let back = convert(kernels, wide, .f32, .bf16, as: UInt16.self)
        #expect(differences(all16, back) { Float(bitPattern: UInt32($0) << 16).isNaN } == 0)
        let wider = convert(kernels, all16, .bf16, .f64, as: Double.self)
        let backFromF64 = convert(kernels, wider, .f64, .bf16, as: UInt16.self)
        #expect(differences(all16, backFromF64) { Float(bitPattern: UInt32($0) << 16).isNaN } == 0)
    }

    /// Values that differ, one NaN being as good as another.
    private func differences(
        _ a: [UInt16], _ b: [UInt16], isNaN: (UInt16) -> Bool
    ) -> Int {
        zip(a, b).count { $0 != $1 && !(isNaN($0) && isNaN($1)) }
    }

    /// Around every F16: the value itself, the midpoint to the next and both its neighbours.
    @Test(arguments: Kernels.available) func narrowingRoundsToNearestEven(_ kernels: Kernels) {
        var inputs: [Double] = []
        for bits in all16[..<0x7c00] {
            let low = Double(Float16(bitPattern: bits))
            let high = bits == 0x7bff ? 65536 : Double(Float16(bitPattern: bits + 1))
            let middle = (low + high) / 2
            inputs += [middle, middle.nextUp, middle.nextDown, -middle]
        }
        let fromF64 = convert(kernels, inputs, .f64, .f16, as: UInt16.self)
        let expected = inputs.map { Float16($0).bitPattern }
        #expect(fromF64 == expected)
        let singles = inputs.map { Float($0) }
        let fromF32 = convert(kernels, singles, .f32, .f16, as: UInt16.self)
        #expect(fromF32 == singles.map { Float16($0).bitPattern })
    }

    /// BF16 by exact midpoints: nearest, ties to the even upper half.
    @Test(arguments: Kernels.available) func narrowingToBF16(_ kernels: Kernels) {
        var inputs: [Double] = []
        var expected: [UInt16] = []
        for bits in all16[..<0x7f80] {
            let low = Double(Float(bitPattern: UInt32(bits) << 16))
            let next = UInt32(bits + 1) << 16
            let high = bits == 0x7f7f ? 0x1p128 : Double(Float(bitPattern: next))
            let middle = (low + high) / 2
            inputs += [middle, middle.nextUp, middle.nextDown, -middle]
            let even = bits & 1 == 0 ? bits : bits + 1
            expected += [even, bits + 1, bits, even | 0x8000]
        }
        #expect(convert(kernels, inputs, .f64, .bf16, as: UInt16.self) == expected)
        // Midpoints are F32 values; their neighbours in F32 decide the same way.
        let ties = stride(from: 0, to: inputs.count, by: 4).map { Float(inputs[$0]) }
        let singles = ties + ties.map(\.nextUp) + ties.map(\.nextDown)
        let every = stride(from: 0, to: expected.count, by: 4)
        let rounded = every.map { expected[$0] } + every.map { expected[$0 + 1] }
            + every.map { expected[$0 + 2] }
        #expect(convert(kernels, singles, .f32, .bf16, as: UInt16.self) == rounded)
    }

    @Test(arguments: Kernels.available) func doublesNarrow(_ kernels: Kernels) {
        var random = SplitMix(3)
        var inputs = (0..<4001).map { _ in Double(bitPattern: random.next()) }
        inputs += [1e300, -1e300, 0x1p-1070, 0x1.fffffefp127, 0x1p-150, 0x1.8p-150, -0.0, .infinity]
        let singles = convert(kernels, inputs, .f64, .f32, as: Float.self)
        #expect(same(singles, inputs.map { Float($0) }))
        let back = convert(kernels, singles, .f32, .f64, as: Double.self)
        #expect(same(back, singles.map { Double($0) }))
    }

    /// A whole chunk and more through both hops.
    @Test(arguments: Kernels.available) func sixteenBitTypesMeet(_ kernels: Kernels) {
        let values = (0..<2500).map { Float16(Double($0) / 64) }
        let bits = values.map(\.bitPattern)
        let crossed = convert(kernels, bits, .f16, .bf16, as: UInt16.self)
        let direct = convert(kernels, values.map { Float($0) }, .f32, .bf16, as: UInt16.self)
        #expect(crossed == direct)
    }
}
