import HTTP1
import HTTPServer
import OptimizerSessions
import SystemIO
import TensorFormats

/// Content codings around the endpoints, which see bodies and give answers that have none.
struct ContentCodings: Sendable {
    let rooms: ServiceRooms

    /// Bodies inflated, if they come compressed; the memory for it is taken before `100`.
    func decoding(
        _ decision: Decision, _ exchange: Exchange, _ route: Route
    ) throws(Problem) -> Decision {
        guard case .receive(let body) = decision,
            let coding = try Negotiation.bodyCoding(exchange.head)
        else { return decision }
        let bounds = InflatingBody.Bounds(
            compressedBytes: rooms.limits.bodyBytes, freeBytes: freeBytes(route),
            ratio: ServiceLimits.inflationRatio)
        do {
            return .receive(
                try InflatingBody(body, coding, bounds: bounds, pool: rooms.bodies) { fault in
                    exchange.response(Problem(fault, coding))
                })
        } catch {
            throw Problem(error, asked: InflatingBody.memoryBytes)
        }
    }

    /// What a body may inflate to whatever its length. A gradient of zeros shrinks to a
    /// thousandth and is as good as any; so where a layout says how long an honest body can be,
    /// that is free. Its text is longer than any of its binary forms.
    private func freeBytes(_ route: Route) -> Int {
        let layout: TensorLayout?
        switch route {
        case .steps(let name), .parameters(let name): layout = rooms.layout(ofSessionNamed: name)
        default: layout = nil
        }
        guard let layout else { return ServiceLimits.documentBytes }
        let numbers = layout.elementCount.multipliedReportingOverflow(by: JSONBound.number(.F64))
        let (sum, overflow) = numbers.partialValue.addingReportingOverflow(
            layout.jsonFrameBytes + ServiceLimits.documentBytes)
        return numbers.overflow || overflow ? .max : sum
    }

    /// Answers compressed, if the client accepts that.
    func encoding(_ decision: Decision, _ head: RequestHead) -> Decision {
        guard head.fields.contains("Accept-Encoding") else { return decision }
        let rooms = self.rooms
        let coder = ResponseCoder(
            head, Negotiation.answerCoding(head), pool: rooms.bodies
        ) { rooms.writers.submit($0) }
        return coder?.code(decision) ?? decision
    }
}
