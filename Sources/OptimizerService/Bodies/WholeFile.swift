import HTTPServer
import SystemIO
import TensorFormats

/// The data of a safetensors file kept as it lies in the file.
enum WholeFile {
    static func placement(
        _ header: SafetensorsHeader, _ rooms: ServiceRooms,
        completion: @escaping (Slab, Responder) -> Void
    ) throws(Problem) -> SafetensorsBody.Placement {
        let byteCount = header.dataByteCount
        let slab = try rooms.bodies.take(orProblem: byteCount)
        let base = slab.base
        return SafetensorsBody.Placement(destinations: header.tensors.map { base + $0.begin }) {
            completion(slab, $0)
        }
    }
}
