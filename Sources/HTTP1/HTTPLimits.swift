/// What one peer may make this side read before it is refused. The server publishes the same table.
package struct HTTPLimits: Sendable, Equatable {
    /// Bytes of a request line without its CRLF; one more is 414.
    package var requestLineBytes = 8 * 1024
    /// Bytes of all field lines with their CRLFs, without the empty line; one more is 431.
    package var fieldSectionBytes = 32 * 1024
    /// Field lines of a head; one more is 431.
    package var fieldCount = 100
    /// Bytes of chunk extensions, summed over one body: extensions carry nothing that is used here,
    /// so a body of tiny chunks must not be able to smuggle megabytes in them.
    package var chunkExtensionBytes = 16 * 1024
    /// Bytes of a trailer section with its CRLFs; one more is 431.
    package var trailerSectionBytes = 8 * 1024
    /// Unread body bytes that are read and dropped to keep a connection after an early answer.
    package var discardedBodyBytes: UInt64 = 256 * 1024

    package init() {}

    /// The longest head that can be accepted, an empty line before it included. A window of so many
    /// bytes is enough: once it is full, the parser has a head or an error.
    package var headBytes: Int { 2 + requestLineBytes + 2 + fieldSectionBytes + 2 }
}
