import COptimizerKernels

/// CRC-32C, the checksum of RFC 3720, appendix B.4.
extension Kernels {
    /// The checksum of the bytes, or of all bytes so far when it continues an earlier one.
    package func crc32c(_ bytes: UnsafeRawBufferPointer, continuing crc: UInt32 = 0) -> UInt32 {
        opt_crc32c(code, crc, bytes.baseAddress, bytes.count)
    }
}
