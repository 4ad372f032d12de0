/// The type of one stored number. Raw values are those of C's `opt_type`.
public enum ElementType: UInt8, Sendable, CaseIterable {
    case f32 = 0
    case f64 = 1
    case f16 = 2
    case bf16 = 3

    public var byteCount: Int {
        switch self {
        case .f64: 8
        case .f32: 4
        case .f16, .bf16: 2
        }
    }

    /// The precision in which such parameters are kept and stepped: 16-bit types have F32 masters.
    public var working: ElementType { self == .f64 ? .f64 : .f32 }

    /// The value rounded to the working precision.
    package func narrowed(_ value: Double) -> Double {
        self == .f64 ? value : Double(Float(value))
    }
}
