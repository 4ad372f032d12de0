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
        let whole = DataRun(offset: 0, byteCount: byteCount)
        return SafetensorsBody.Placement(slab: slab, runs: byteCount > 0 ? [whole] : []) {
            completion(slab, $0)
        }
    }
}
