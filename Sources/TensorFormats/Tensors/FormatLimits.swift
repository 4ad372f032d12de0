/// Bounds on what a reader accepts; each is published by the service.
package struct FormatLimits: Equatable, Sendable {
    /// Arrays and objects inside each other.
    package var jsonDepth = 64
    /// Length of one number or string of a JSON text.
    package var jsonTokenBytes = 64 * 1024
    /// Size of a JSON text that `JSONValue.parse` reads, and of the memory that the values of the
    /// members beside the tensors of a document take.
    package var jsonValueBytes = 16 * 1024 * 1024
    package var safetensorsHeaderBytes = 16 * 1024 * 1024
    /// Members of a safetensors file's `__metadata__`. One costs far more than its bytes.
    package var metadataCount = 1024
    package var tensorCount = 65_536
    package var rank = 32
    package var nameBytes = 512

    package init() {}
}
