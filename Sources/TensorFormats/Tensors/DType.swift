/// The element types a safetensors file may name; the raw values are the names on the wire.
package enum DType: String, Sendable, CaseIterable {
    case F64, F32, F16, BF16
    case I64, I32, I16, I8
    case U64, U32, U16, U8
    case BOOL
    case F8_E4M3, F8_E5M2

    /// Bytes of one element.
    package var byteCount: Int {
        switch self {
        case .F64, .I64, .U64: 8
        case .F32, .I32, .U32: 4
        case .F16, .BF16, .I16, .U16: 2
        case .I8, .U8, .BOOL, .F8_E4M3, .F8_E5M2: 1
        }
    }

    /// Whether parameters and gradients may have this type.
    package var isParameterType: Bool {
        switch self {
        case .F64, .F32, .F16, .BF16: true
        default: false
        }
    }

    /// The precision in which a parameter type is computed, and decoded to from decimals: F64
    /// stays F64, everything narrower is F32.
    package var working: DType { self == .F64 ? .F64 : .F32 }
}
