/// How faults inside a tensor are told.
extension TensorValueReader {
    /// The fault of a value that cannot stand here.
    func unexpected(_ found: String) -> DocumentFault {
        let wanted: String
        var pointer = pointer
        switch place {
        case .start, .form, .end:
            wanted = "a tensor is a number, nested arrays of numbers, or an object with "
                + "dtype, shape and data"
        case .nested:
            wanted = "a number or an array is expected"
            pointer += nested.indices.map { "/\($0)" }.joined()
        case .dtype:
            wanted = "dtype is a string"
            pointer += "/dtype"
        case .shape(let isOpen):
            wanted = "shape is an array of whole numbers"
            pointer += "/shape" + (isOpen ? "/\(form.extentCount)" : "")
        case .data(let isOpen):
            wanted = "data is a flat array of numbers"
            pointer += "/data" + (isOpen ? "/\(form.dataCount)" : "")
        }
        var detail = "\(wanted), not \(found)"
        if found == "a string", place != .dtype {
            detail += "; NaN and Infinity are not accepted in requests, as strings or otherwise"
        }
        return .semantic(kind: .invalidValue, pointer: pointer, detail: detail)
    }

    func mismatch(_ fault: NestedShape.Fault) -> DocumentFault {
        .semantic(
            kind: .shapeMismatch(expected: fault.expected, actual: fault.actual),
            pointer: pointer, detail: fault.detail)
    }

    func semantic(_ fault: TensorForm.Fault) -> DocumentFault {
        .semantic(kind: fault.kind, pointer: pointer + fault.subpointer, detail: fault.detail)
    }

    func semantic(_ refusal: SinkRefusal) -> DocumentFault {
        .semantic(kind: refusal.kind, pointer: pointer, detail: refusal.detail)
    }
}
