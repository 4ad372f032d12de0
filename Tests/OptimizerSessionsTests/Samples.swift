import OptimizerEngine
import SystemIO
import TensorFormats

@testable import OptimizerSessions

/// The bits of `value` in a parameter type, by way of Swift's own conversions.
func bytes(of value: Double, as type: ElementType) -> [UInt8] {
    switch type {
    case .f64: withUnsafeBytes(of: value) { Array($0) }
    case .f32: withUnsafeBytes(of: Float(value)) { Array($0) }
    case .f16: withUnsafeBytes(of: binary16(Float(value))) { Array($0) }
    // Cutting off is exact for the short values that samples use.
    case .bf16: withUnsafeBytes(of: UInt16(Float(value).bitPattern >> 16)) { Array($0) }
    }
}

/// Binary16 of values that it holds exactly, infinities and NaN included.
private func binary16(_ value: Float) -> UInt16 {
    let sign = UInt16(value.sign == .minus ? 0x8000 : 0)
    if value == 0 { return sign }
    if value.isNaN { return sign | 0x7E00 }
    if value.isInfinite { return sign | 0x7C00 }
    let exponent = UInt16(Int(value.exponent) + 15)
    return sign | exponent << 10 | UInt16(value.significandBitPattern >> 13)
}

extension Slab {
    convenience init(_ bytes: [UInt8]) throws {
        try self.init(byteCount: bytes.count)
        self.bytes.copyBytes(from: bytes)
    }

    convenience init(_ values: [Double], _ type: ElementType) throws {
        try self.init(values.flatMap { OptimizerSessionsTests.bytes(of: $0, as: type) })
    }
}

extension StepGradients {
    static func whole(
        _ values: [Double], _ type: ElementType = .f32, isShared: Bool = false
    ) throws -> StepGradients {
        StepGradients(
            slab: try Slab(values, type), places: .whole(type), isShared: isShared)
    }
}

extension TensorLayout {
    /// Tensors `a`, `b`, … of these shapes.
    static func sample(_ shapes: [[Int]], _ type: ElementType = .f32) throws -> TensorLayout {
        try TensorLayout(
            shapes.enumerated().map { index, shape in
                let name = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index)))
                return try TensorDescription(name: name, dtype: type.dtype, shape: shape)
            })
    }
}

extension SessionSpecification {
    /// A session whose parameters are 0, ¼, ½, … or `values`.
    static func sample(
        _ settings: SessionSettings = SessionSettings(), shapes: [[Int]] = [[2], [2, 2]],
        _ type: ElementType = .f32, values: [Double]? = nil
    ) throws -> SessionSpecification {
        let layout = try TensorLayout.sample(shapes, type)
        let values = values ?? (0..<layout.elementCount).map { Double($0 % 64) / 4 }
        let slab = try Slab(values, type)
        return SessionSpecification(
            settings: settings, layout: layout,
            parameters: layout.byteOffsets.map {
                TensorPlace(slab: slab, byteOffset: $0, type: type)
            })
    }
}

/// Gradients that both halves of the lerp, signs and sizes come into; exact in 16 bits.
func gradients(_ count: Int, seed: Int = 1) -> [Double] {
    (0..<count).map { Double(($0 &* 37 &+ seed &* 11) % 61 - 30) / 8 }
}
