import HTTP1

/// The three forms in which tensors travel.
enum TensorFormat: CaseIterable, Sendable {
    case json
    case safetensors
    case raw

    var type: MediaType {
        switch self {
        case .json: MediaType("application", "json")
        case .safetensors: MediaType("application", "safetensors")
        case .raw: MediaType("application", "octet-stream")
        }
    }

    /// The type without parameters, which it has none of.
    var mediaType: String { name.description }

    var name: StaticString {
        switch self {
        case .json: "application/json"
        case .safetensors: "application/safetensors"
        case .raw: "application/octet-stream"
        }
    }

    /// What tells this variant's entity tag from the plain one (API §4).
    var tagSuffix: String? {
        switch self {
        case .json: nil
        case .safetensors: "safetensors"
        case .raw: "raw"
        }
    }
}
