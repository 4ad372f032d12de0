/// Writes the part of a safetensors file that stands in front of the data.
package enum SafetensorsWriter {
    /// The eight bytes of length and the header, for tensors whose data follows in the order
    /// given, without gaps. The same arguments give the same bytes. Spaces at the header's end
    /// let the data start at a multiple of eight.
    ///
    /// Throws when a name comes twice or the sum of the sizes overflows.
    package static func header(
        tensors: [TensorDescription], metadata: [(name: String, value: String)] = []
    ) throws(TensorSizeFault) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        if !metadata.isEmpty {
            json.name(TensorName.reserved)
            json.beginObject()
            for (name, value) in metadata {
                json.name(name)
                json.string(value)
            }
            json.endObject()
        }
        var begin = 0
        var names: Set<ExactName> = []
        for tensor in tensors {
            guard names.insert(ExactName(tensor.name)).inserted else {
                throw .duplicateName(tensor.name)
            }
            let (end, overflow) = begin.addingReportingOverflow(tensor.byteCount)
            guard !overflow else { throw .layoutOverflow }
            write(tensor, begin, end, to: &json)
            begin = end
        }
        json.endObject()
        return withPrefix(json.bytes)
    }

    /// The same for tensors as they are described, but of another dtype.
    package static func header(
        tensors: [TensorDescription], as dtype: DType
    ) throws(TensorSizeFault) -> [UInt8] {
        var described: [TensorDescription] = []
        described.reserveCapacity(tensors.count)
        for tensor in tensors {
            described.append(
                try TensorDescription(name: tensor.name, dtype: dtype, shape: tensor.shape))
        }
        return try header(tensors: described)
    }

    private static func write(
        _ tensor: TensorDescription, _ begin: Int, _ end: Int, to json: inout JSONWriter
    ) {
        json.name(tensor.name)
        json.beginObject()
        json.name("dtype")
        json.string(tensor.dtype.rawValue)
        json.name("shape")
        json.beginArray()
        for extent in tensor.shape { json.integer(extent) }
        json.endArray()
        json.name("data_offsets")
        json.beginArray()
        json.integer(begin)
        json.integer(end)
        json.endArray()
        json.endObject()
    }

    private static func withPrefix(_ json: [UInt8]) -> [UInt8] {
        let padded = (json.count + 7) & ~7
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + padded)
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: padded >> shift))
        }
        bytes += json
        bytes += [UInt8](repeating: UInt8(ascii: " "), count: padded - json.count)
        return bytes
    }
}
