/// Why bytes are not a safetensors file.
package struct SafetensorsFault: Error, Equatable, Sendable {
    package let reason: Reason
    /// The tensor concerned, when it is one.
    package let tensor: String?

    init(_ reason: Reason, tensor: String? = nil) {
        self.reason = reason
        self.tensor = tensor
    }

    /// What is wrong, in words.
    package var detail: String {
        guard let tensor else { return reason.detail }
        return "tensor \(tensor): \(reason.detail)"
    }

    package enum Reason: Equatable, Sendable {
        // The header as a whole.
        case headerTooShort(bytes: UInt64)
        case headerTooLarge(bytes: UInt64, limitBytes: Int)
        case headerBeyondEnd(bytes: UInt64, available: UInt64)
        case headerNotUTF8(offset: Int)
        case headerNotObject
        case headerNotJSON(JSONFault)
        case duplicateName
        case tooManyTensors(limit: Int)
        case metadataNotStrings
        case tooMuchMetadata(limit: Int)

        // One entry.
        case badName(String)
        case entryNotObject
        case missingMember(String)
        case unknownMember(String)
        case dtypeNotString
        case unknownDType(String)
        case malformedShape
        case rankTooLarge(limit: Int)
        case shapeOverflow(shape: [Int])
        case malformedOffsets
        case offsetsReversed(begin: Int, end: Int)
        case sizeMismatch(expectedBytes: Int, actualBytes: Int)

        // The entries together, and the data.
        case firstNotAtZero(begin: Int)
        case overlap(begin: Int, previousEnd: Int)
        case hole(begin: Int, previousEnd: Int)
        case truncated(expectedBytes: UInt64, actualBytes: UInt64)
        case trailingBytes(expectedBytes: UInt64)
    }
}

extension SafetensorsFault.Reason {
    var detail: String {
        switch self {
        case .headerTooShort(let bytes):
            "a header of \(bytes) bytes is too short; the smallest is {}"
        case .headerTooLarge(let bytes, let limit):
            "the header has \(bytes) bytes, but at most \(limit) are allowed"
        case .headerBeyondEnd(let bytes, let available):
            "the header should have \(bytes) bytes, but only \(available) follow its length"
        case .headerNotUTF8(let offset):
            "the header is not valid UTF-8 at byte \(offset)"
        case .headerNotObject:
            "the header must start with '{'"
        case .headerNotJSON(let fault):
            "the header is not JSON: \(fault.reason), at byte \(fault.offset)"
        case .duplicateName:
            "the name appears twice"
        case .tooManyTensors(let limit):
            "there are more than \(limit) tensors"
        case .metadataNotStrings:
            "\(TensorName.reserved) must be an object whose values are strings"
        case .tooMuchMetadata(let limit):
            "\(TensorName.reserved) has more than \(limit) members"
        default:
            entryDetail
        }
    }

    private var entryDetail: String {
        switch self {
        case .badName(let fault): fault
        case .entryNotObject: "its entry must be an object"
        case .missingMember(let name): "its entry lacks the member \(name)"
        case .unknownMember(let name): "its entry has the unknown member \(name)"
        case .dtypeNotString: "its dtype must be a string"
        case .unknownDType(let name): "its dtype \(name) is unknown"
        case .malformedShape:
            "its shape must be an array of whole numbers from 0 to \(Int.max)"
        case .rankTooLarge(let limit): "its rank is larger than \(limit)"
        case .shapeOverflow(let shape): "its shape \(shape) does not fit into 64-bit sizes"
        case .malformedOffsets:
            "its data_offsets must be two whole numbers from 0 to \(Int.max)"
        case .offsetsReversed(let begin, let end): "its data begins at \(begin) and ends at \(end)"
        case .sizeMismatch(let expected, let actual):
            "its dtype and shape make \(expected) bytes, but its data_offsets \(actual)"
        default: dataDetail
        }
    }

    private var dataDetail: String {
        switch self {
        case .firstNotAtZero(let begin): "the data must start at 0, but begins at \(begin)"
        case .overlap(let begin, let end):
            "its data begins at \(begin), inside that of another, which ends at \(end)"
        case .hole(let begin, let end):
            "its data begins at \(begin), but the data before it ends at \(end)"
        case .truncated(let expected, let actual):
            "the file should have \(expected) bytes, but has \(actual)"
        case .trailingBytes(let expected):
            "bytes follow the end of the data; the file should have \(expected) bytes"
        default: ""
        }
    }
}
