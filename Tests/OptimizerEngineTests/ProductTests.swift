import COptimizerKernels
import OptimizerEngine
import SeededChance
import Testing

/// Matrix products, tile by tile, against the plain loop that they must equal bit for bit.
struct ProductTests {
    struct Shape: Sendable {
        let rows: Int
        let columns: Int
        let depth: Int

        /// Tiles are 96 by 96, blocks of the depth 256, and vectors 16.
        static let all = [
            Shape(rows: 1, columns: 1, depth: 1), Shape(rows: 5, columns: 17, depth: 3),
            Shape(rows: 96, columns: 16, depth: 256), Shape(rows: 97, columns: 100, depth: 40),
            Shape(rows: 13, columns: 200, depth: 257), Shape(rows: 3, columns: 2, depth: 600),
        ]
    }

    /// A matrix, row by row, or column by column.
    struct Operand {
        let values: [Float]
        let lanes: Int
        let depth: Int
        let isDeepFirst: Bool

        init(_ lanes: Int, _ depth: Int, isDeepFirst: Bool, _ random: inout SplitMix) {
            values = random.values(lanes * depth).map { Float($0) }
            (self.lanes, self.depth, self.isDeepFirst) = (lanes, depth, isDeepFirst)
        }

        func value(_ lane: Int, _ k: Int) -> Float {
            values[isDeepFirst ? lane * depth + k : k * lanes + lane]
        }

        func operand(at base: UnsafePointer<Float>) -> opt_operand {
            opt_operand(
                base: base, lane_stride: isDeepFirst ? depth : 1,
                depth_stride: isDeepFirst ? 1 : lanes)
        }
    }

    static func plain(
        _ shape: Shape, _ a: Operand, _ b: Operand, alpha: Float, beta: Float, d: [Float]?
    ) -> [Float] {
        var result: [Float] = []
        for i in 0..<shape.rows {
            for j in 0..<shape.columns {
                var sum: Float = 0
                for start in stride(from: 0, to: shape.depth, by: 256) {
                    var block: Float = 0
                    for k in start..<min(start + 256, shape.depth) {
                        block = block + a.value(i, k) * b.value(j, k)
                    }
                    sum = sum + block
                }
                sum = alpha * sum
                if let d { sum = sum + beta * d[i * shape.columns + j] }
                result.append(sum)
            }
        }
        return result
    }

    static func product(
        _ kernels: Kernels, _ shape: Shape, _ a: Operand, _ b: Operand, alpha: Float, beta: Float,
        d: [Float]?, isSymmetric: Bool = false
    ) -> TestMemory {
        let c = TestMemory([Float](repeating: .nan, count: shape.rows * shape.columns))
        a.values.withUnsafeBufferPointer { aBase in
            b.values.withUnsafeBufferPointer { bBase in
                (d ?? []).withUnsafeBufferPointer { dBase in
                    var product = opt_product(
                        a: a.operand(at: aBase.baseAddress!), b: b.operand(at: bBase.baseAddress!),
                        rows: shape.rows, columns: shape.columns, depth: shape.depth,
                        alpha: alpha, beta: beta, d: d == nil ? nil : dBase.baseAddress,
                        c: c.base.assumingMemoryBound(to: Float.self), is_symmetric: isSymmetric)
                    let size = Int(OPT_PRODUCT_TILE)
                    for row in stride(from: 0, to: shape.rows, by: size) {
                        let first = isSymmetric ? row : 0
                        for column in stride(from: first, to: shape.columns, by: size) {
                            opt_product_tile(
                                opt_level(kernels.level.rawValue), &product, row, column)
                        }
                    }
                }
            }
        }
        return c
    }

    @Test(arguments: Shape.all, [(true, true), (true, false), (false, true), (false, false)])
    func tilesEqualThePlainLoop(_ shape: Shape, _ deepFirst: (Bool, Bool)) {
        var random = SplitMix(3)
        let a = Operand(shape.rows, shape.depth, isDeepFirst: deepFirst.0, &random)
        let b = Operand(shape.columns, shape.depth, isDeepFirst: deepFirst.1, &random)
        let d = random.values(shape.rows * shape.columns).map { Float($0) }
        let factors: [(Float, Float, [Float]?)] = [(1, 0, nil), (1, 0.3, d), (-0.7, 2.1, d)]
        for (alpha, beta, d) in factors {
            let expected = Self.plain(shape, a, b, alpha: alpha, beta: beta, d: d)
            for kernels in Kernels.available {
                let c = Self.product(kernels, shape, a, b, alpha: alpha, beta: beta, d: d)
                #expect(same(c.read(), expected), "\(kernels.level) \(shape)")
                #expect(c.isIntact)
            }
        }
    }

    /// Half of the tiles give all of what is its own transpose.
    @Test(arguments: [1, 40, 96, 130])
    func symmetricProductsNeedHalfOfTheTiles(_ side: Int) {
        let shape = Shape(rows: side, columns: side, depth: 70)
        var random = SplitMix(4)
        let a = Operand(side, shape.depth, isDeepFirst: true, &random)
        let expected = Self.plain(shape, a, a, alpha: 1, beta: 0, d: nil)
        for kernels in Kernels.available {
            let c = Self.product(
                kernels, shape, a, a, alpha: 1, beta: 0, d: nil, isSymmetric: true)
            #expect(same(c.read(), expected), "\(kernels.level) \(side)")
            #expect(c.isIntact)
        }
    }
}
