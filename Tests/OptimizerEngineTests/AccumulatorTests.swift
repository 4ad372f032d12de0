import Dispatch
import OptimizerEngine
import SeededChance
import Testing

/// Gradients that are added up, against the plain sum, on every instruction set.
struct AccumulatorTests {
    static let counts = [3, 70_000, 0, 65_533, 40]

    private func values<Real: Working>(_ seed: UInt64, as real: Real.Type) -> [Real] {
        var random = SplitMix(seed)
        return random.values(Self.counts.reduce(0, +)).map { Real($0) }
    }

    private func add<Real: Working>(
        _ values: [Real], _ weight: Double, to accumulator: GradientAccumulator,
        absent: Set<Int> = [], inParallel: Bool = false
    ) {
        values.withUnsafeBytes { bytes in
            var places: [GradientPlace?] = []
            var offset = 0
            for (slot, count) in Self.counts.enumerated() {
                let place = GradientPlace(
                    byteOffset: offset * MemoryLayout<Real>.stride, type: Real.type)
                places.append(absent.contains(slot) ? nil : place)
                offset += count
            }
            let gradients = Gradients(
                base: bytes.baseAddress!,
                places: absent.isEmpty ? .whole(Real.type) : .each(places))
            if inParallel {
                DispatchQueue.concurrentPerform(iterations: accumulator.tileCount) {
                    accumulator.add(gradients, weight: weight, tile: $0)
                }
            } else {
                for tile in (0..<accumulator.tileCount).reversed() {
                    accumulator.add(gradients, weight: weight, tile: tile)
                }
            }
            accumulator.commit(gradients, weight: weight)
        }
    }

    private func result<Real: Working>(
        _ accumulator: GradientAccumulator, _ reduction: GradientAccumulator.Reduction,
        as real: Real.Type
    ) -> [Real] {
        let target = TestMemory([Real](repeating: 7, count: Self.counts.reduce(0, +)))
        for tile in 0..<accumulator.tileCount {
            accumulator.write(reduction, to: target.base, tile: tile)
        }
        #expect(target.isIntact)
        return target.read()
    }

    private func check<Real: Working>(_ real: Real.Type) throws {
        let (a, b, c) = (values(1, as: real), values(2, as: real), values(3, as: real))
        let weight = Real(0.3)
        let sum = zip(zip(a, b), c).map { ($0.0 + $0.1 * weight) + $1 * 2 }
        let mean = sum.map { $0 / Real(1 + 0.3 + 2) }
        for kernels in Kernels.available {
            let optimizer = try flat(
                .adam, .init(), a, counts: Self.counts, kernels: kernels)
            let accumulator = try GradientAccumulator(of: optimizer)
            #expect(accumulator.isEmpty)
            add(a, 1, to: accumulator)
            add(b, 0.3, to: accumulator, inParallel: true)
            add(c, 2, to: accumulator)
            #expect(accumulator.count == 3)
            #expect(same(result(accumulator, .sum, as: real), sum))
            #expect(same(result(accumulator, .mean, as: real), mean))
            accumulator.zero()
            #expect(accumulator.isEmpty)
            // It starts anew, from the gradient itself and not from what was there.
            add(b, 1, to: accumulator)
            #expect(same(result(accumulator, .mean, as: real), b))
        }
    }

    @Test func sumsInF32() throws { try check(Float.self) }
    @Test func sumsInF64() throws { try check(Double.self) }

    /// Each tensor has a sum and a weight of its own.
    @Test func tensorsComeOneByOne() throws {
        let (a, b) = (values(4, as: Float.self), values(5, as: Float.self))
        let accumulator = try GradientAccumulator(
            of: flat(.adam, .init(), a, counts: Self.counts))
        add(a, 4, to: accumulator, absent: [0, 3])
        add(b, 1, to: accumulator, absent: [1, 3])
        #expect(accumulator.weights == [1, 4, 5, nil, 5])
        guard case .each(let places) = accumulator.places else {
            Issue.record("one tensor has no gradient")
            return
        }
        #expect(places.map { $0 == nil } == [false, false, false, true, false])
        var expected = a.map { _ in 7 as Float }
        for i in 0..<3 { expected[i] = b[i] / 1 }
        for i in 3..<70_003 { expected[i] = a[i] * 4 / 4 }
        for i in 135_536..<135_576 { expected[i] = (a[i] * 4 + b[i]) / 5 }
        #expect(same(result(accumulator, .mean, as: Float.self), expected))
    }

    /// Gradients of every width come to the working precision first.
    @Test(arguments: ElementType.allCases) func otherWidths(_ type: ElementType) throws {
        let values = (0..<Self.counts.reduce(0, +)).map { Float($0 % 9 - 4) / 4 }
        let optimizer = try flat(.adam, .init(), values, counts: Self.counts)
        let accumulator = try GradientAccumulator(of: optimizer)
        let wire = TestMemory(values.count * type.byteCount)
        values.withUnsafeBytes {
            Kernels.best.convert(
                $0.baseAddress!, .f32, to: wire.base, type, count: values.count)
        }
        let gradients = Gradients(base: wire.base, places: .whole(type))
        for _ in 0..<2 {
            for tile in 0..<accumulator.tileCount {
                accumulator.add(gradients, weight: 1, tile: tile)
            }
            accumulator.commit(gradients, weight: 1)
        }
        #expect(same(result(accumulator, .sum, as: Float.self), values.map { $0 + $0 }))
    }
}
