import CLinux
import Glibc

/// One end of a connection. Prints as "127.0.0.1:8080", "[::1]:8080" or "unix:/run/a.sock".
package enum SocketAddress: Hashable, Sendable {
    /// The address in the processor's byte order: 127.0.0.1 is 0x7f000001.
    case v4(UInt32, port: UInt16)
    /// The sixteen bytes of the address as two big-endian halves.
    case v6(high: UInt64, low: UInt64, port: UInt16, scope: UInt32)
    /// A Unix domain socket's; empty for the end of whoever connected, which has no name.
    case local(path: String)

    /// 0 where there are none.
    package var port: UInt16 {
        switch self {
        case .v4(_, let port), .v6(_, _, let port, _): port
        case .local: 0
        }
    }

    /// Whether only this machine can reach the address.
    package var isLoopback: Bool {
        switch self {
        case .v4(let address, _): address >> 24 == 127
        case .v6(let high, let low, _, _): high == 0 && low == 1
        case .local: true
        }
    }

    /// Reads a numeric address, or looks a name up in the hosts file and the resolver; the first
    /// answer counts.
    ///
    /// - Throws: `EADDRNOTAVAIL` when the name has no address.
    package static func parse(host: String, port: UInt16) throws(Errno) -> SocketAddress {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        try check(.getAddressInfo) { () -> Int32 in
            let code = getaddrinfo(host, String(port), &hints, &list)
            switch code {
            case 0: return 0
            case EAI_SYSTEM: break  // errno tells
            case EAI_MEMORY: errno = ENOMEM
            default: errno = EADDRNOTAVAIL
            }
            return -1
        }
        defer { freeaddrinfo(list) }
        guard let first = list?.pointee, let address = SocketAddress(first.ai_addr) else {
            throw .addressNotAvailable
        }
        return address
    }

    /// Where a socket is bound.
    package init(boundTo descriptor: Int32) throws(Errno) {
        self = try boundAddress(of: descriptor)
    }

    init?(_ pointer: UnsafePointer<sockaddr>?) {
        guard let pointer else { return nil }
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            let raw = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in.self)
            self = .v4(
                UInt32(bigEndian: raw.sin_addr.s_addr), port: UInt16(bigEndian: raw.sin_port))
        case AF_INET6:
            let raw = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in6.self)
            let halves = withUnsafeBytes(of: raw.sin6_addr) { bytes in
                (bytes.loadUnaligned(as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            self = .v6(
                high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1),
                port: UInt16(bigEndian: raw.sin6_port), scope: raw.sin6_scope_id)
        case AF_UNIX:
            // A path that fills its field has no zero behind it; one that is abstract begins with
            // a zero and is not ours.
            let raw = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_un.self)
            let path = withUnsafeBytes(of: raw.sun_path) { Array($0.prefix { $0 != 0 }) }
            self = .local(path: String(decoding: path, as: UTF8.self))
        default:
            return nil
        }
    }

    /// Calls `body` with the address as the kernel wants it.
    func withKernelForm<Answer>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Answer
    ) -> Answer {
        var storage = sockaddr_storage()
        let length: Int
        switch self {
        case .v4(let address, let port):
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            raw.sin_addr.s_addr = address.bigEndian
            length = MemoryLayout<sockaddr_in>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: raw, as: sockaddr_in.self) }
        case .v6(let high, let low, let port, let scope):
            var raw = sockaddr_in6()
            raw.sin6_family = sa_family_t(AF_INET6)
            raw.sin6_port = port.bigEndian
            raw.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &raw.sin6_addr) { bytes in
                bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            length = MemoryLayout<sockaddr_in6>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: raw, as: sockaddr_in6.self) }
        case .local(let path):
            var raw = sockaddr_un()
            raw.sun_family = sa_family_t(AF_UNIX)
            // `isTooLong` says whether all of it fits.
            withUnsafeMutableBytes(of: &raw.sun_path) { field in
                field.copyBytes(from: path.utf8.prefix(field.count - 1))
            }
            length = MemoryLayout<sockaddr_un>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: raw, as: sockaddr_un.self) }
        }
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(length))
            }
        }
    }

    var family: Int32 {
        switch self {
        case .v4: AF_INET
        case .v6: AF_INET6
        case .local: AF_UNIX
        }
    }

    /// sun_path holds 108 bytes, the last of which is zero (unix(7)).
    var isTooLong: Bool {
        if case .local(let path) = self { path.utf8.count > 107 } else { false }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// The address alone, in numbers; a path, where there are none.
    package var host: String {
        if case .local(let path) = self { return path }
        return withKernelForm { address, length in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { host in
                // Numeric printing asks nobody, and fails only for families that cannot be here.
                _ = getnameinfo(
                    address, length, host.baseAddress, socklen_t(host.count), nil, 0,
                    NI_NUMERICHOST)
                return host.baseAddress.map { String(cString: $0) } ?? ""
            }
        }
    }

    package var description: String {
        switch self {
        case .v4(_, let port): "\(host):\(port)"
        case .v6(_, _, let port, _): "[\(host)]:\(port)"
        case .local(let path): "unix:\(path)"
        }
    }
}
