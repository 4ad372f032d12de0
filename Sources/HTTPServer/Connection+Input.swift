import HTTP1
import SystemIO

/// The reading half of a connection: heads into the window, bodies to where they are used.
extension Connection {
    /// Chunk framing is read in small pieces, because what a piece holds of the next chunk's data
    /// has to be copied.
    private static let framingBytes = 4096

    func readHead(_ budget: inout Budget) -> Progress {
        if !window.isEmpty {
            do {
                if case .head(let head, let count) = try parser.parse(window.bytes) {
                    window.consume(count)
                    budget.requests -= 1
                    begin(head)
                    return .again
                }
            } catch {
                tell(.malformed(error))
                return .again
            }
            if machine.state == .idle { tell(.headBegan) }
        }
        return fillWindow(upTo: ReadWindow.blockBytes, &budget)
    }

    /// Looks into the socket of an idle connection without waiting for the poller to report it.
    func noticeArrivedRequest() {
        readiness.canRead = true
        var budget = Budget()
        if window.isEmpty { _ = fillWindow(upTo: ReadWindow.blockBytes, &budget) }
        if !window.isEmpty { tell(.headBegan) }
    }

    private func begin(_ head: RequestHead) {
        serial += 1
        set.tally.requestBegan()
        request = CurrentRequest(
            head: head, context: makeContext(), bytesInBefore: progress.received,
            bytesOutBefore: progress.sent)
        tell(.headParsed(Exchange(head)))
    }

    func makeContext() -> RequestContext {
        RequestContext(
            requestID: set.nextRequestID(), peer: peer, isDraining: set.isDraining,
            received: set.loop.exactNow)
    }

    func receiveBody(_ budget: inout Budget) -> Progress {
        guard case .receiving(_, let unread) = machine.state else { return .again }
        if let receiver, receiver.hasBacklog { return workOff(receiver, &budget) }
        if let unread { return receiveData(upTo: unread, &budget) }
        guard chunks.dataBytesAhead == 0 else {
            return receiveData(upTo: chunks.dataBytesAhead, &budget)
        }
        if window.isEmpty { return fillWindow(upTo: Self.framingBytes, &budget) }
        do {
            window.consume(try chunks.readFraming(window.bytes))
        } catch {
            tell(.malformed(error))
            return .again
        }
        if chunks.isComplete { tell(.chunkedBodyEnded) }
        return .again
    }

    /// Body bytes that came with the head are copied once; all others are received in place.
    private func receiveData(upTo unread: UInt64, _ budget: inout Budget) -> Progress {
        guard let receiver else { return .waiting }
        let buffer = receiver.nextBuffer()
        guard !buffer.isEmpty else {
            self.receiver = nil
            reply = .response(receiver.overflowed())
            return .again
        }
        let wanted = min(buffer.count, Int(clamping: unread))
        if !window.isEmpty {
            let count = min(wanted, window.bytes.count)
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: window.bytes[..<count]))
            window.consume(count)
            tookData(count, &budget)
            return .again
        }
        let room = UnsafeMutableRawBufferPointer(
            rebasing: buffer[..<min(wanted, max(1, budget.bytes))])
        guard case .bytes(let count) = receive(into: room) else { return .waiting }
        tookData(count, &budget)
        return .again
    }

    /// What a piece of work comes to is not known here; it counts as the most that it may be.
    private func workOff(_ receiver: any BodyReceiver, _ budget: inout Budget) -> Progress {
        budget.bytes -= InflatingBody.pieceBytes
        if let refusal = receiver.workOff() {
            self.receiver = nil
            reply = .response(refusal)
        }
        return .again
    }

    /// Tells the receiver first, so that a refusal of the last bytes is known when the machine
    /// declares the body whole.
    private func tookData(_ count: Int, _ budget: inout Budget) {
        budget.bytes -= count
        request?.bodyBytes += UInt64(count)
        if let refusal = receiver?.received(count) {
            receiver = nil
            reply = .response(refusal)
        }
        if chunks.dataBytesAhead > 0 { chunks.tookData(count) }
        tell(.bodyReceived(UInt64(count)))
    }

    func discard(_ unread: UInt64, _ budget: inout Budget) -> Progress {
        if !window.isEmpty {
            let count = min(window.bytes.count, Int(clamping: unread))
            window.consume(count)
            tell(.bodyReceived(UInt64(count)))
            return .again
        }
        let room = UnsafeMutableRawBufferPointer(
            rebasing: set.scratch[..<min(set.scratch.count, Int(clamping: unread))])
        guard case .bytes(let count) = receive(into: room) else { return .waiting }
        budget.bytes -= count
        tell(.bodyReceived(UInt64(count)))
        return .again
    }

    /// Reads and drops, so that the peer finds the response before it finds a reset.
    func linger(_ budget: inout Budget) -> Progress {
        window.consume(window.bytes.count)
        guard case .bytes(let count) = receive(into: set.scratch) else { return .waiting }
        budget.bytes -= count
        lingered += count
        if lingered > set.configuration.lingerBytes { tell(.deadlinePassed) }
        return .again
    }

    /// While a response is being made nothing is read; only a connection that broke is noticed,
    /// because then nobody waits for the response.
    func checkForReset() -> Progress {
        if readiness.isBroken { fail(.endedEarly) }
        return .waiting
    }

    private func fillWindow(upTo limit: Int, _ budget: inout Budget) -> Progress {
        guard readiness.canRead else { return .waiting }
        window.makeRoom(&set.windows)
        let room = UnsafeMutableRawBufferPointer(
            rebasing: window.room[..<min(window.room.count, limit)])
        guard case .bytes(let count) = receive(into: room) else { return .waiting }
        window.filled(count)
        budget.bytes -= count
        return .again
    }

    /// One receive. Anything but bytes has been dealt with when this returns.
    private func receive(into room: UnsafeMutableRawBufferPointer) -> IOResult {
        guard readiness.canRead else { return .wouldBlock }
        let answer = transport.receive(into: room)
        switch answer {
        case .bytes(let count):
            progress.received += UInt64(count)
            set.tally.received(count)
            // A short read has emptied the socket, and whatever comes next is a new edge
            // (epoll(7)); unless the end has been announced, which is read by one more call.
            if count < room.count, transport.isTransparent, !readiness.peerHasEnded {
                readiness.canRead = false
            }
        case .wouldBlock:
            readiness.canRead = false
        case .endOfStream:
            readiness.canRead = false
            tell(.inputEnded)
        case .failed(let error):
            fail(transport.fault.map { .tls($0) } ?? .system(error))
        }
        return answer
    }
}
