import HTTP1
import SystemIO

/// The answering half of a connection.
extension Connection {
    /// Bytes offered to one call; more would only be copied and refused.
    private static let writeBytes = 1024 * 1024

    func askHandler() {
        guard let request, let head = request.head else { return }
        switch set.handler.decide(head, request.context) {
        case .respond(let response):
            reply = .response(response)
            tell(.responseReady(closes: closes(after: response)))
        case .perform(let work):
            tell(.bodyDeclined)
            work(makeResponder(request.context))
        case .receive(let receiver):
            self.receiver = receiver
            tell(.bodyWanted)
        }
    }

    private func closes(after response: Response) -> Bool {
        response.closesConnection || serial >= UInt64(set.configuration.requestsPerConnection)
    }

    private func makeResponder(_ context: RequestContext) -> Responder {
        Responder(
            context: context, address: ResponseAddress(token: token, serial: serial),
            connections: set)
    }

    func completeBody() {
        // A receiver that has refused the last bytes is not there any more.
        guard let receiver, let request else { return }
        self.receiver = nil
        receiver.complete(makeResponder(request.context))
    }

    func cancelBody() {
        receiver?.cancelled()
        receiver = nil
    }

    /// A peer whose body is already coming does not wait for `100` (RFC 9110 §10.1.1).
    func sendContinue() {
        guard window.isEmpty else { return }
        outgoing.appendContinue()
        set.tally.responded(Status.continue.code)
        writeInterim()
    }

    /// Sends what is left of a `100 (Continue)`. A failure shows in the next read.
    func writeInterim() {
        while !outgoing.isEmpty, readiness.canWrite {
            guard case .bytes = writeOnce().answer else { return }
        }
    }

    /// The reply is here: settles what comes after it, and encodes it.
    func answer() -> Progress {
        guard let response = resolvedReply() else { return .waiting }
        reply = .response(response)
        tell(.responseReady(closes: closes(after: response)))
        return .again
    }

    private func resolvedReply() -> Response? {
        switch reply {
        case nil: return nil
        case .response(let response): return response
        case .dropped:
            guard let context = request?.context else { return nil }
            return answer(to: ServerRefusal.responderDropped, context)
        }
    }

    func sendResponse(keepsAlive: Bool) {
        guard let response = resolvedReply() else { return }
        receiver = nil
        encode(response, keepsAlive: keepsAlive)
    }

    /// Answers in the handler's place; the machine closes the connection after it.
    func refuse(_ refusal: ConnectionRefusal) {
        let context = request?.context ?? makeContext()
        if request == nil {
            set.tally.requestBegan()
            request = CurrentRequest(
                head: nil, context: context, bytesInBefore: progress.received,
                bytesOutBefore: progress.sent)
        }
        encode(answer(to: refusal, context), keepsAlive: false)
    }

    private func answer(
        to refusal: ConnectionRefusal, _ context: RequestContext
    ) -> Response {
        switch refusal {
        case .malformed(let error):
            var response = set.handler.response(for: error, context)
            response.code = error.code.rawValue
            return response
        case .headTooSlow: return answer(to: ServerRefusal.headTooSlow, context)
        case .bodyTooSlow: return answer(to: ServerRefusal.bodyTooSlow, context)
        case .draining: return answer(to: ServerRefusal.draining, context)
        }
    }

    private func answer(to refusal: ServerRefusal, _ context: RequestContext) -> Response {
        var response = set.handler.response(for: refusal, context)
        response.code = refusal.rawValue
        return response
    }

    private func encode(_ response: Response, keepsAlive: Bool) {
        reply = nil
        request?.status = response.status
        request?.code = response.code
        if let code = response.code { set.tally.refused(code) }
        let recipient = ResponseEncoder.Recipient(
            method: request?.head?.method, version: request?.head?.version ?? .http11,
            keepsAlive: keepsAlive)
        outgoing.append(response, date: set.currentDate(), to: recipient)
    }

    func write(_ budget: inout Budget) -> Progress {
        while !outgoing.isEmpty {
            guard readiness.canWrite else { return .waiting }
            guard !budget.isSpent else { return .again }
            let (answer, _) = writeOnce()
            switch answer {
            case .bytes(let count): budget.bytes -= count
            case .wouldBlock: return .waiting
            case .endOfStream:
                fail(.endedEarly)
                return .waiting
            case .failed(let error):
                fail(transport.fault.map { .tls($0) } ?? .system(error))
                return .waiting
            }
        }
        finishRequest()
        tell(.responseWritten)
        return .again
    }

    private func writeOnce() -> (answer: IOResult, offered: Int) {
        let outcome = outgoing.write(
            to: transport, &set.gatherList, limit: Self.writeBytes)
        switch outcome.answer {
        case .bytes(let count):
            progress.sent += UInt64(count)
            set.tally.sent(count)
            if count < outcome.offered, transport.isTransparent {
                readiness.canWrite = false
            }
        case .wouldBlock:
            readiness.canWrite = false
        case .endOfStream, .failed: break
        }
        return outcome
    }

    private func finishRequest() {
        guard let request = request.take(), let status = request.status else { return }
        set.tally.responded(status.code)
        set.log(
            .requestFinished(
                FinishedRequest(
                    head: request.head, status: status, code: request.code,
                    bytesIn: request.bodyBytes,
                    bytesOut: progress.sent - request.bytesOutBefore,
                    received: request.context.received, finished: set.loop.exactNow,
                    requestID: request.context.requestID, peer: peer)))
    }
}
