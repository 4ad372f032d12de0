import Testing

@testable import HTTP1

@Suite("The chunked decoder")
struct ChunkedDecoderTests {
    @Test("tells how many data bytes come next, and never reads one")
    func dataAhead() throws {
        var decoder = ChunkedDecoder()
        let wire = Array("1f4\r\nDATA".utf8)
        #expect(try decoder.readFraming(wire.span) == 5)
        #expect(decoder.dataBytesAhead == 500)
        #expect(try decoder.readFraming(wire.span) == 0)
        decoder.tookData(200)
        #expect(decoder.dataBytesAhead == 300)
        decoder.tookData(300)
        let rest = Array("\r\n0\r\n\r\nGET".utf8)
        #expect(try decoder.readFraming(rest.span) == 7)
        #expect(decoder.isComplete)
        #expect(try decoder.readFraming(rest.span) == 0)
    }

    @Test("takes sizes of 15 digits, and no longer ones")
    func sizes() throws {
        var decoder = ChunkedDecoder()
        let largest = Array("fffffffffffffff\r\n".utf8)
        #expect(try decoder.readFraming(largest.span) == largest.count)
        #expect(decoder.dataBytesAhead == 0xfff_ffff_ffff_ffff)
        for digits in ["1000000000000000", "0000000000000001", "fffffffffffffffff"] {
            #expect(refusal(of: digits + "\r\n")?.code == .malformedRequest, "\(digits)")
        }
    }

    @Test("stops at an endless extension long before its end")
    func endlessExtension() {
        var decoder = ChunkedDecoder()
        let start = Array("5;".utf8)
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1024)
        var accepted = 0
        do throws(ProtocolError) {
            _ = try decoder.readFraming(start.span)
            while accepted < 10 << 20 { accepted += try decoder.readFraming(piece.span) }
        } catch {
            #expect(error.code == .malformedRequest)
            #expect(error.limit == 16 * 1024)
        }
        #expect(accepted < 16 * 1024)
    }

    @Test("sums extensions over all chunks of a body")
    func manyExtensions() {
        var limits = HTTPLimits()
        limits.chunkExtensionBytes = 10
        let chunk = "1;abc\r\nx\r\n"
        #expect(refusal(of: chunk + chunk + "0\r\n\r\n", limits) == nil)
        #expect(refusal(of: chunk + chunk + chunk + "0\r\n\r\n", limits)?.limit == 10)
    }

    @Test("bounds the trailer section over all its lines")
    func manyTrailers() {
        var limits = HTTPLimits()
        limits.trailerSectionBytes = 12
        #expect(refusal(of: "0\r\nA: b\r\nC: d\r\n\r\n", limits) == nil)
        let error = refusal(of: "0\r\nA: b\r\nC: d\r\nE:\r\n\r\n", limits)
        #expect(error?.code == .fieldsTooLarge)
        #expect(error?.status.code == 431)
    }

    private func refusal(of wire: String, _ limits: HTTPLimits = HTTPLimits()) -> ProtocolError? {
        var decoder = ChunkedDecoder(limits: limits)
        var rest = Array(wire.utf8)
        do throws(ProtocolError) {
            while !rest.isEmpty, !decoder.isComplete {
                if decoder.dataBytesAhead > 0 {
                    let count = min(rest.count, Int(decoder.dataBytesAhead))
                    rest.removeFirst(count)
                    decoder.tookData(count)
                } else {
                    let window = rest
                    rest.removeFirst(try decoder.readFraming(window.span))
                }
            }
            return nil
        } catch {
            return error
        }
    }
}
